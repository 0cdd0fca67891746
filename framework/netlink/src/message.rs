//! Messages: the content of netlink datagrams, each of which has one or several.
//!
//! A message is a header of 16 bytes (length, type, flags, sequence number and port, in host byte
//! order) and a payload padded to 4 bytes. [`Messages`] reads arbitrary bytes without panicking;
//! [`Writer`] writes.

use crate::attribute::{Attributes, Body, align};
use crate::error::{Cause, Malformed, Refusal};

/// The length of a message header in bytes.
pub const HEADER: usize = 16;

/// The message types that all subsystems share.
pub mod kind {
    /// A message to ignore.
    pub const NOOP: u16 = 1;
    /// An error, or an acknowledgement (error number 0).
    pub const ERROR: u16 = 2;
    /// The end of a dump.
    pub const DONE: u16 = 3;
}

/// The flags of a message.
pub mod flag {
    /// The message is a request to the kernel; set on every message that is sent.
    pub const REQUEST: u16 = 1;
    /// Request an acknowledgement.
    pub const ACK: u16 = 4;
    /// In a reply to a dump, the list has changed while it was read.
    pub const DUMP_INTERRUPTED: u16 = 0x10;
    /// Request a list of all objects.
    pub const DUMP: u16 = 0x300;
    /// Create the object if it does not exist.
    pub const CREATE: u16 = 0x400;
    /// Fail if the object exists.
    pub const EXCLUSIVE: u16 = 0x200;
    /// An error message includes the refused message without its payload.
    pub const CAPPED: u16 = 0x100;
    /// An error message ends with attributes that explain it.
    pub const ACK_ATTRIBUTES: u16 = 0x200;
}

/// A received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// The type: one of [`kind`], or of the subsystem.
    pub kind: u16,
    /// The flags; see [`flag`].
    pub flags: u16,
    /// The sequence number of the request to which it is a reply.
    pub sequence: u32,
    /// Everything after the header.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Splits the payload into a fixed header of `N` bytes and the attributes after it.
    pub fn split<const N: usize>(&self) -> Result<(&'a [u8; N], Attributes<'a>), Malformed> {
        split(self.payload)
    }

    /// Reads an ERROR or DONE message. Returns the kernel's refusal, or `None` on success.
    pub fn refusal(&self) -> Result<Option<Refusal>, Malformed> {
        let (code, rest) = self
            .payload
            .split_first_chunk::<4>()
            .ok_or(Malformed("an error message is too short"))?;
        let errno = match i32::from_ne_bytes(*code) {
            0 => return Ok(None),
            code if code < 0 => code.saturating_neg(),
            _ => return Err(Malformed("an error number is positive")),
        };
        let mut refusal = Refusal::new(errno);
        if self.flags & flag::ACK_ATTRIBUTES != 0 {
            explain(&mut refusal, self.explanation(rest));
        }
        Ok(Some(refusal))
    }

    /// Returns the attributes after the error number and, in an ERROR, the refused message.
    fn explanation(&self, rest: &'a [u8]) -> Attributes<'a> {
        let included = match rest.first_chunk::<4>() {
            _ if self.kind == kind::DONE => 0,
            Some(length) if self.flags & flag::CAPPED == 0 => {
                align(u32::from_ne_bytes(*length).min(u32::MAX - 3) as usize)
            }
            _ => HEADER,
        };
        Attributes::new(rest.get(included..).unwrap_or_default())
    }
}

/// Adds the explanation to a refusal. A malformed explanation is ignored, the refusal is kept.
fn explain(refusal: &mut Refusal, attributes: Attributes<'_>) {
    const MESSAGE: u16 = 1;
    const OFFSET: u16 = 2;
    for attribute in attributes.flatten() {
        match attribute.kind {
            MESSAGE => {
                refusal.reason = Some(String::from_utf8_lossy(attribute.text()).into_owned());
            }
            OFFSET => refusal.offset = attribute.u32().ok(),
            _ => {}
        }
    }
}

/// Splits a payload into a fixed header of `N` bytes and the attributes after it.
pub(crate) fn split<const N: usize>(
    payload: &[u8],
) -> Result<(&[u8; N], Attributes<'_>), Malformed> {
    let (head, _) = payload.split_first_chunk().ok_or(Malformed("a message is too short"))?;
    Ok((head, Attributes::new(payload.get(align(N)..).unwrap_or_default())))
}

/// An iterator over the messages of a datagram. It ends after the first malformed one.
#[derive(Debug, Clone)]
pub struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    /// Reads a received datagram.
    pub fn new(datagram: &'a [u8]) -> Self {
        Self(datagram)
    }

    fn take(&mut self) -> Option<Message<'a>> {
        let (head, _) = self.0.split_first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *head;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let payload = self.0.get(HEADER..length)?;
        self.0 = self.0.get(align(length)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let message = self.take();
        if message.is_none() {
            self.0 = &[];
        }
        Some(message.ok_or(Malformed("a message has an invalid length")))
    }
}

/// Builds one or more messages in a reusable buffer.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Writer {
    /// Returns an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Discards the content and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.too_long = false;
    }

    /// Appends a message whose payload `fill` writes.
    pub fn message(
        &mut self,
        kind: u16,
        flags: u16,
        sequence: u32,
        fill: impl FnOnce(&mut Body<'_>),
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        fill(&mut Body { bytes: &mut self.bytes, too_long: &mut self.too_long });
        let length = u32::try_from(self.bytes.len() - start).unwrap_or_else(|_| {
            self.too_long = true;
            0
        });
        let header = &mut self.bytes[start..start + HEADER];
        header[0..4].copy_from_slice(&length.to_ne_bytes());
        header[4..6].copy_from_slice(&kind.to_ne_bytes());
        header[6..8].copy_from_slice(&flags.to_ne_bytes());
        header[8..12].copy_from_slice(&sequence.to_ne_bytes());
    }

    /// Sets further flags of the message that begins at this byte of the datagram.
    pub(crate) fn add_flags(&mut self, message: usize, flags: u16) {
        if let Some(header) = self.bytes.get_mut(message..message + HEADER) {
            let flags = u16::from_ne_bytes([header[6], header[7]]) | flags;
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
        }
    }

    /// Returns the length of the datagram so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the datagram.
    ///
    /// # Errors
    /// [`Cause::TooLong`] if a length exceeds the range of its field.
    pub fn datagram(&self) -> Result<&[u8], Cause> {
        if self.too_long { Err(Cause::TooLong) } else { Ok(&self.bytes) }
    }
}
