//! Attributes: the type-length-value lists of which netlink messages consist.
//!
//! An attribute is a length (u16, including its 4 bytes of header but not the padding), a type
//! (u16, both in host byte order) and a payload padded to 4 bytes. The payload may be a list of
//! attributes. [`Attributes`] reads arbitrary bytes without panicking; [`Body`] writes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::Malformed;

const HEADER: usize = 4;
const NESTED: u16 = 0x8000;
/// The mask of the type without its two flags (nested, network byte order).
const TYPE: u16 = 0x3fff;

/// Rounds up to a multiple of 4, the alignment of everything in netlink.
pub(crate) fn align(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// An iterator over a list of attributes.
///
/// It ends after the first malformed one. Up to 3 bytes after the last attribute are padding.
#[derive(Debug, Clone)]
pub struct Attributes<'a>(&'a [u8]);

/// A received attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// The type, without flags.
    pub kind: u16,
    /// The payload, without padding.
    pub payload: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// Reads `bytes` as a list of attributes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self) -> Option<Attribute<'a>> {
        let (head, _) = self.0.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]) & TYPE;
        let payload = self.0.get(HEADER..length)?;
        self.0 = self.0.get(align(length)..).unwrap_or_default();
        Some(Attribute { kind, payload })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.len() < HEADER {
            return None;
        }
        let attribute = self.take();
        if attribute.is_none() {
            self.0 = &[];
        }
        Some(attribute.ok_or(Malformed("an attribute has an invalid length")))
    }
}

impl<'a> Attribute<'a> {
    fn array<const N: usize>(&self) -> Result<[u8; N], Malformed> {
        let (head, _) =
            self.payload.split_first_chunk::<N>().ok_or(Malformed("a value is too short"))?;
        Ok(*head)
    }

    /// Reads the payload as a list of attributes.
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }

    /// Reads one byte.
    pub fn u8(&self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Reads a 2-byte number in network byte order.
    pub fn u16_be(&self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads a 4-byte number in host byte order.
    pub fn u32(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_ne_bytes)
    }

    /// Reads a signed 4-byte number in host byte order.
    pub fn i32(&self) -> Result<i32, Malformed> {
        self.array().map(i32::from_ne_bytes)
    }

    /// Reads a 4-byte number in network byte order.
    pub fn u32_be(&self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads an 8-byte number in network byte order.
    pub fn u64_be(&self) -> Result<u64, Malformed> {
        self.array().map(u64::from_be_bytes)
    }

    /// Reads an IPv4 address.
    pub fn ipv4(&self) -> Result<IpAddr, Malformed> {
        self.array::<4>().map(|bytes| Ipv4Addr::from(bytes).into())
    }

    /// Reads an IPv6 address.
    pub fn ipv6(&self) -> Result<IpAddr, Malformed> {
        self.array::<16>().map(|bytes| Ipv6Addr::from(bytes).into())
    }

    /// Returns an address of either family, which its length shows.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.payload.len() {
            4 => self.ipv4().ok(),
            16 => self.ipv6().ok(),
            _ => None,
        }
    }

    /// Returns a string up to its terminating NUL, or the whole payload if there is no NUL.
    pub fn text(&self) -> &'a [u8] {
        let end = self.payload.iter().position(|byte| *byte == 0);
        &self.payload[..end.unwrap_or(self.payload.len())]
    }
}

/// The content of a message or of a nested attribute that is being written.
///
/// A payload that exceeds the range of its length field makes the whole
/// [`Writer`](crate::message::Writer) fail; it is never truncated.
#[derive(Debug)]
pub struct Body<'a> {
    pub(crate) bytes: &'a mut Vec<u8>,
    pub(crate) too_long: &'a mut bool,
}

impl Body<'_> {
    /// Appends bytes padded to a multiple of 4, such as the fixed header before the attributes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.pad();
    }

    /// Appends an attribute with these bytes.
    pub fn bytes(&mut self, kind: u16, payload: &[u8]) {
        self.write(kind, |body| body.bytes.extend_from_slice(payload));
    }

    /// Appends an attribute with one byte.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    /// Appends an attribute with a 2-byte number in network byte order.
    pub fn u16_be(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Appends an attribute with a 4-byte number in host byte order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_ne_bytes());
    }

    /// Appends an attribute with a 4-byte number in network byte order.
    pub fn u32_be(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Appends an attribute with an 8-byte number in network byte order.
    pub fn u64_be(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Appends an attribute with a NUL-terminated string.
    pub fn text(&mut self, kind: u16, value: &str) {
        self.write(kind, |body| {
            body.bytes.extend_from_slice(value.as_bytes());
            body.bytes.push(0);
        });
    }

    /// Appends an attribute with an IP address of 4 or 16 bytes.
    pub fn address(&mut self, kind: u16, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.bytes(kind, &address.octets()),
            IpAddr::V6(address) => self.bytes(kind, &address.octets()),
        }
    }

    /// Appends an attribute with the bytes that `fill` writes.
    pub(crate) fn appended(&mut self, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
        self.write(kind, |body| fill(body.bytes));
    }

    /// Returns the length of the datagram so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an attribute that contains the attributes that `fill` writes.
    pub fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Body<'_>)) {
        self.write(kind | NESTED, fill);
    }

    fn write(&mut self, kind: u16, fill: impl FnOnce(&mut Body<'_>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        fill(self);
        let length = u16::try_from(self.bytes.len() - start).unwrap_or_else(|_| {
            *self.too_long = true;
            0
        });
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes[start + 2..start + HEADER].copy_from_slice(&kind.to_ne_bytes());
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(align(self.bytes.len()), 0);
    }
}
