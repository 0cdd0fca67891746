//! Messages: what travels in a netlink datagram, one or several at a time.
//!
//! A message is a header of 16 bytes (length, type, flags, sequence number, port, in host order) and a
//! payload padded to 4 bytes. [`Messages`] reads any bytes without panicking; [`Writer`] writes.

use crate::attribute::{Attributes, Body, align};
use crate::error::{Cause, Malformed, Refusal};

/// Length of a message's header in bytes.
pub const HEADER: usize = 16;

/// Types of messages that every subsystem knows.
pub mod kind {
    /// Means nothing.
    pub const NOOP: u16 = 1;
    /// An error, or an acknowledgement (error 0).
    pub const ERROR: u16 = 2;
    /// The end of a dump.
    pub const DONE: u16 = 3;
}

/// Flags of a message.
pub mod flag {
    /// A request to the kernel; on every message that is sent.
    pub const REQUEST: u16 = 1;
    /// Please answer with an acknowledgement.
    pub const ACK: u16 = 4;
    /// In a dump's answer: what is dumped changed meanwhile.
    pub const DUMP_INTERRUPTED: u16 = 0x10;
    /// Please list all.
    pub const DUMP: u16 = 0x300;
    /// Create the object if it does not exist.
    pub const CREATE: u16 = 0x400;
    /// Fail if the object exists.
    pub const EXCLUSIVE: u16 = 0x200;
    /// In an error: the refused message is echoed without its payload.
    pub const CAPPED: u16 = 0x100;
    /// In an error: attributes follow that explain it.
    pub const ACK_ATTRIBUTES: u16 = 0x200;
}

/// A message as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<'a> {
    /// Its type: see [`kind`], or the subsystem's own.
    pub kind: u16,
    /// See [`flag`].
    pub flags: u16,
    /// The sequence number of the request that it answers.
    pub sequence: u32,
    /// Everything after the header.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The payload as a fixed header of `N` bytes and the attributes behind it.
    pub fn split<const N: usize>(&self) -> Result<(&'a [u8; N], Attributes<'a>), Malformed> {
        split(self.payload)
    }

    /// Reads an ERROR or DONE message: the kernel's refusal, or nothing when all went well.
    pub fn refusal(&self) -> Result<Option<Refusal>, Malformed> {
        let (code, rest) = self.payload.split_first_chunk::<4>().ok_or(Malformed("short error"))?;
        let errno = match i32::from_ne_bytes(*code) {
            0 => return Ok(None),
            code if code < 0 => code.saturating_neg(),
            _ => return Err(Malformed("an error number is not negative")),
        };
        let mut refusal = Refusal::new(errno);
        if self.flags & flag::ACK_ATTRIBUTES != 0 {
            explain(&mut refusal, self.explanation(rest));
        }
        Ok(Some(refusal))
    }

    /// The attributes behind the error number and, in an ERROR, the echoed message.
    fn explanation(&self, rest: &'a [u8]) -> Attributes<'a> {
        let echoed = match rest.first_chunk::<4>() {
            _ if self.kind == kind::DONE => 0,
            Some(length) if self.flags & flag::CAPPED == 0 => {
                align(u32::from_ne_bytes(*length).min(u32::MAX - 3) as usize)
            }
            _ => HEADER,
        };
        Attributes::new(rest.get(echoed..).unwrap_or_default())
    }
}

/// A broken explanation costs the explanation, not the error that it explains.
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

/// Splits a payload into a fixed header of `N` bytes and the attributes behind it.
pub(crate) fn split<const N: usize>(
    payload: &[u8],
) -> Result<(&[u8; N], Attributes<'_>), Malformed> {
    let (head, _) = payload.split_first_chunk().ok_or(Malformed("a message is too short"))?;
    Ok((head, Attributes::new(payload.get(align(N)..).unwrap_or_default())))
}

/// The messages of one datagram. Ends after the first malformed one.
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
        Some(message.ok_or(Malformed("a message's length is wrong")))
    }
}

/// Builds one or more messages in one buffer, which can be used again.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    too_long: bool,
}

impl Writer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was written and keeps the memory.
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

    /// Sets more flags of the message that begins at this byte of the datagram.
    pub(crate) fn add_flags(&mut self, message: usize, flags: u16) {
        if let Some(header) = self.bytes.get_mut(message..message + HEADER) {
            let flags = u16::from_ne_bytes([header[6], header[7]]) | flags;
            header[6..8].copy_from_slice(&flags.to_ne_bytes());
        }
    }

    /// How many bytes were written.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The datagram, or the news that something in it was too long ([`Cause::TooLong`]).
    pub fn datagram(&self) -> Result<&[u8], Cause> {
        if self.too_long { Err(Cause::TooLong) } else { Ok(&self.bytes) }
    }
}
