//! Reads the kernel's description of a link.

use crate::attribute::{Attribute, Attributes};
use crate::error::Malformed;
use crate::message::split;

pub(super) const HARDWARE_ADDRESS: u16 = 1;
pub(super) const NAME: u16 = 3;
const PEER: u16 = 5;
const MASTER: u16 = 10;
const INFORMATION: u16 = 18;
const PEER_NAMESPACE: u16 = 37;
pub(super) const TARGET_NAMESPACE: u16 = 46;

/// The flag of a link that is set up.
const UP: u32 = 1;

const KIND: u16 = 1;
const PORT_KIND: u16 = 4;
const PORT_DATA: u16 = 5;
const BRIDGE_PORT_MODE: u16 = 4;

/// A link of this network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The index.
    pub index: u32,
    /// The name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Whether it is set up, which says nothing about a carrier.
    pub is_up: bool,
    /// The hardware address, if it has the length of Ethernet.
    pub mac: Option<[u8; 6]>,
    /// The index of the link of which it is a port, such as a bridge.
    pub master: Option<u32>,
    /// Hairpin mode: whether a bridge sends frames back to the port on which they were received.
    /// `None` if the link is not a bridge port.
    pub hairpin: Option<bool>,
    /// Whether it is one end of a veth pair.
    pub is_veth: bool,
    /// The index of the underlying link or, for a veth, of its peer, in that link's namespace.
    pub peer: Option<u32>,
    /// This namespace's id of the peer's namespace; `None` if the peer is in this namespace.
    pub peer_namespace: Option<i32>,
}

/// A link that borrows from its message, so that links which are filtered out cost no copies.
#[derive(Default)]
pub(super) struct Parts<'a> {
    index: u32,
    pub(super) name: &'a [u8],
    is_up: bool,
    mac: Option<[u8; 6]>,
    master: Option<u32>,
    hairpin: Option<bool>,
    peer: Option<u32>,
    pub(super) is_veth: bool,
    pub(super) peer_namespace: Option<i32>,
    /// The id of the link's own namespace, if the question was about another than this.
    pub(super) namespace: Option<i32>,
}

impl Link {
    /// Reads the payload of a link message (what follows the netlink header).
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        Parts::read(payload).map(|parts| parts.to_link())
    }
}

impl<'a> Parts<'a> {
    pub(super) fn read(payload: &'a [u8]) -> Result<Self, Malformed> {
        let (header, attributes) = split::<16>(payload)?;
        let [_, _, _, _, a, b, c, d, e, f, g, h, ..] = *header;
        let index = u32::from_ne_bytes([a, b, c, d]);
        let is_up = u32::from_ne_bytes([e, f, g, h]) & UP != 0;
        let mut parts = Self { index, is_up, ..Self::default() };
        for attribute in attributes {
            parts.take(attribute?)?;
        }
        Ok(parts)
    }

    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), Malformed> {
        match attribute.kind {
            HARDWARE_ADDRESS => self.mac = attribute.payload.try_into().ok(),
            NAME => self.name = attribute.text(),
            PEER => self.peer = Some(attribute.u32()?),
            MASTER => self.master = Some(attribute.u32()?),
            PEER_NAMESPACE => self.peer_namespace = Some(attribute.i32()?),
            TARGET_NAMESPACE => self.namespace = Some(attribute.i32()?),
            INFORMATION => self.take_information(attribute.nested())?,
            _ => {}
        }
        Ok(())
    }

    /// Reads the link info. The port's data can be interpreted only if its kind is known, and the
    /// two may be in any order.
    fn take_information(&mut self, attributes: Attributes<'a>) -> Result<(), Malformed> {
        let (mut is_bridge_port, mut data) = (false, None);
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                KIND => self.is_veth = attribute.text() == b"veth",
                PORT_KIND => is_bridge_port = attribute.text() == b"bridge",
                PORT_DATA => data = Some(attribute.nested()),
                _ => {}
            }
        }
        if is_bridge_port && let Some(data) = data {
            self.hairpin = hairpin(data)?;
        }
        Ok(())
    }

    pub(super) fn to_link(&self) -> Link {
        Link {
            index: self.index,
            name: String::from_utf8_lossy(self.name).into_owned(),
            is_up: self.is_up,
            mac: self.mac,
            master: self.master,
            hairpin: self.hairpin,
            is_veth: self.is_veth,
            peer: self.peer,
            peer_namespace: self.peer_namespace,
        }
    }
}

fn hairpin(port: Attributes<'_>) -> Result<Option<bool>, Malformed> {
    for attribute in port {
        let attribute = attribute?;
        if attribute.kind == BRIDGE_PORT_MODE {
            return attribute.u8().map(|mode| Some(mode != 0));
        }
    }
    Ok(None)
}
