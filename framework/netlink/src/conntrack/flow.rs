//! A tracked flow: read from the kernel's message, and written to identify it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::attribute::{Attribute, Attributes, Body};
use crate::error::Malformed;
use crate::message::split;

/// The protocol number of TCP.
pub const TCP: u8 = 6;
/// The protocol number of UDP.
pub const UDP: u8 = 17;
/// The protocol number of SCTP.
pub const SCTP: u8 = 132;

/// A bit of [`Flow::status`]: the kernel translates the flow's source address.
pub const IPS_SRC_NAT: u32 = 1 << 4;
/// A bit of [`Flow::status`]: the kernel translates the flow's destination address.
pub const IPS_DST_NAT: u32 = 1 << 5;

pub(super) const TUPLE_ORIGINAL: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const STATUS: u16 = 3;
const ID: u16 = 12;
const ZONE: u16 = 18;

const TUPLE_ADDRESSES: u16 = 1;
pub(super) const TUPLE_PROTOCOL: u16 = 2;
const TUPLE_ZONE: u16 = 3;

const V4_SOURCE: u16 = 1;
const V4_DESTINATION: u16 = 2;
const V6_SOURCE: u16 = 3;
const V6_DESTINATION: u16 = 4;

pub(super) const PROTOCOL_NUMBER: u16 = 1;
const SOURCE_PORT: u16 = 2;
pub(super) const DESTINATION_PORT: u16 = 3;

/// A tracked flow of a protocol with ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Flow {
    /// The protocol: [`TCP`], [`UDP`], [`SCTP`] or another one.
    pub protocol: u8,
    /// The original direction: packets as sent, before any translation.
    pub original: Tuple,
    /// The reply direction: the real source and the destination of expected reply packets.
    pub reply: Tuple,
    /// The kernel's id of this entry.
    pub id: u32,
    /// The conntrack zone, which separates otherwise equal flows.
    pub zone: Zone,
    /// The status bits: [`IPS_SRC_NAT`], [`IPS_DST_NAT`] and others (`IPS_*`).
    pub status: u32,
}

/// The family of a flow's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// One direction of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuple {
    /// The source.
    pub source: SocketAddr,
    /// The destination.
    pub destination: SocketAddr,
}

/// The conntrack zone of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// The default zone, in which all flows are unless a rule sets another one.
    #[default]
    Default,
    /// Both directions are in this zone.
    Both(u16),
    /// The original direction is in this zone, the reply in the default zone.
    Original(u16),
    /// The reply is in this zone, the original direction in the default zone.
    Reply(u16),
}

impl IpFamily {
    pub(super) fn number(self) -> u8 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }
}

impl Flow {
    /// Returns the family of its addresses.
    pub fn family(&self) -> IpFamily {
        if self.original.source.is_ipv4() { IpFamily::V4 } else { IpFamily::V6 }
    }

    /// Returns the destination before translation; for a mapped flow the host address and port.
    pub fn destination(&self) -> SocketAddr {
        self.original.destination
    }

    /// Returns the source of replies; for a mapped flow the container, for an untranslated one
    /// [`Self::destination`].
    pub fn reply_source(&self) -> SocketAddr {
        self.reply.source
    }

    /// Reports whether the kernel translates the destination.
    pub fn is_dnat(&self) -> bool {
        self.status & IPS_DST_NAT != 0
    }

    /// Reads the payload of a conntrack message, without the netlink header.
    ///
    /// Returns `None` for a flow without ports, such as a ping.
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, Malformed> {
        let (_, attributes) = split::<4>(payload)?;
        let (mut original, mut reply) = (Direction::default(), Direction::default());
        let (mut id, mut status, mut zone) = (0, 0, None);
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                TUPLE_ORIGINAL => original.read(attribute.nested())?,
                TUPLE_REPLY => reply.read(attribute.nested())?,
                STATUS => status = attribute.u32_be()?,
                ID => id = attribute.u32_be()?,
                ZONE => zone = Some(attribute.u16_be()?),
                _ => {}
            }
        }
        let zone = Zone::of(zone, original.zone, reply.zone);
        Ok(original.tuple()?.zip(reply.tuple()?).map(|(from, to)| Self {
            protocol: original.protocol,
            original: from,
            reply: to,
            id,
            zone,
            status,
        }))
    }

    /// Writes what identifies this flow: its original tuple, zone and id.
    pub(super) fn write_key(&self, body: &mut Body<'_>) {
        body.nested(TUPLE_ORIGINAL, |body| {
            body.nested(TUPLE_ADDRESSES, |body| write_addresses(body, &self.original));
            body.nested(TUPLE_PROTOCOL, |body| {
                body.u8(PROTOCOL_NUMBER, self.protocol);
                body.u16_be(SOURCE_PORT, self.original.source.port());
                body.u16_be(DESTINATION_PORT, self.original.destination.port());
            });
            if let Zone::Original(zone) = self.zone {
                body.u16_be(TUPLE_ZONE, zone);
            }
        });
        body.u32_be(ID, self.id);
        if let Zone::Both(zone) = self.zone {
            body.u16_be(ZONE, zone);
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            TCP => f.write_str("TCP"),
            UDP => f.write_str("UDP"),
            SCTP => f.write_str("SCTP"),
            number => write!(f, "protocol {number}"),
        }?;
        write!(f, " flow {} to {}", self.original.source, self.original.destination)?;
        if self.reply_source() != self.destination() {
            write!(f, " (replies from {})", self.reply_source())?;
        }
        Ok(())
    }
}

impl Zone {
    fn of(both: Option<u16>, original: Option<u16>, reply: Option<u16>) -> Self {
        match (both, original, reply) {
            (Some(zone), ..) => Self::Both(zone),
            (None, Some(zone), _) => Self::Original(zone),
            (None, None, Some(zone)) => Self::Reply(zone),
            (None, None, None) => Self::Default,
        }
    }
}

/// One direction that is being read.
#[derive(Default)]
struct Direction {
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    protocol: u8,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    zone: Option<u16>,
}

impl Direction {
    fn read(&mut self, attributes: Attributes<'_>) -> Result<(), Malformed> {
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind {
                TUPLE_ADDRESSES => each(attribute, |inner| self.read_address(inner))?,
                TUPLE_PROTOCOL => each(attribute, |inner| self.read_protocol(inner))?,
                TUPLE_ZONE => self.zone = Some(attribute.u16_be()?),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_address(&mut self, attribute: Attribute<'_>) -> Result<(), Malformed> {
        match attribute.kind {
            V4_SOURCE => self.source = Some(attribute.ipv4()?),
            V4_DESTINATION => self.destination = Some(attribute.ipv4()?),
            V6_SOURCE => self.source = Some(attribute.ipv6()?),
            V6_DESTINATION => self.destination = Some(attribute.ipv6()?),
            _ => {}
        }
        Ok(())
    }

    fn read_protocol(&mut self, attribute: Attribute<'_>) -> Result<(), Malformed> {
        match attribute.kind {
            PROTOCOL_NUMBER => self.protocol = attribute.u8()?,
            SOURCE_PORT => self.source_port = Some(attribute.u16_be()?),
            DESTINATION_PORT => self.destination_port = Some(attribute.u16_be()?),
            _ => {}
        }
        Ok(())
    }

    fn tuple(&self) -> Result<Option<Tuple>, Malformed> {
        let ends = self.source.zip(self.destination);
        if ends.is_some_and(|(from, to)| from.is_ipv4() != to.is_ipv4()) {
            return Err(Malformed("a flow's addresses are of different families"));
        }
        let ports = self.source_port.zip(self.destination_port);
        Ok(ends.zip(ports).map(|((from, to), (source, destination))| Tuple {
            source: SocketAddr::new(from, source),
            destination: SocketAddr::new(to, destination),
        }))
    }
}

fn each(
    attribute: Attribute<'_>,
    mut read: impl FnMut(Attribute<'_>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    attribute.nested().try_for_each(|inner| read(inner?))
}

fn write_addresses(body: &mut Body<'_>, tuple: &Tuple) {
    let (source, destination) = if tuple.source.is_ipv4() {
        (V4_SOURCE, V4_DESTINATION)
    } else {
        (V6_SOURCE, V6_DESTINATION)
    };
    body.address(source, tuple.source.ip());
    body.address(destination, tuple.destination.ip());
}
