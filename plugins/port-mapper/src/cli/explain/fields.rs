//! The fields of a packet in the bytes of nf_tables' registers, as far as they are known.

use std::net::IpAddr;

use cni_netlink::nftables::Family as TableFamily;

use super::packet::{FLAGS, Flow, Packet, Port, Stage};
use crate::family::Family;
use crate::mappings::Protocol;

/// A byte, of which not every bit may be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Byte {
    value: u8,
    known: u8,
}

impl Byte {
    pub(super) const UNKNOWN: Self = Self { value: 0, known: 0 };

    pub(super) fn known(value: u8) -> Self {
        Self::of_bits(value, 0xff)
    }

    fn of_bits(value: u8, known: u8) -> Self {
        Self { value: value & known, known }
    }

    pub(super) fn masked(self, mask: u8) -> Self {
        Self { value: self.value & mask, known: self.known | !mask }
    }

    pub(super) fn value(self) -> Option<u8> {
        (self.known == 0xff).then_some(self.value)
    }

    pub(super) fn is_unknown(self) -> bool {
        self.known == 0
    }

    /// Returns the least and the greatest value that it may have.
    pub(super) fn limits(self) -> [u8; 2] {
        [self.value, self.value | !self.known]
    }

    /// Reports whether it may have this value.
    pub(super) fn may_be(self, value: u8) -> bool {
        self.value == value & self.known
    }
}

pub(super) fn known(bytes: &[u8]) -> Vec<Byte> {
    bytes.iter().copied().map(Byte::known).collect()
}

pub(super) fn unknown(length: usize) -> Vec<Byte> {
    vec![Byte::UNKNOWN; length]
}

const ETHER_TYPES: [u16; 2] = [0x0800, 0x86dd];

fn ether_type(packet: &Packet) -> [u8; 2] {
    ETHER_TYPES[usize::from(packet.family == Family::V6)].to_be_bytes()
}

/// Returns metadata other than that of interfaces.
pub(super) fn meta(packet: &Packet, key: u32) -> Option<Vec<Byte>> {
    const PROTOCOL: u32 = 1;
    const FAMILY: u32 = 15;
    const TRANSPORT: u32 = 16;
    Some(match key {
        PROTOCOL => known(&ether_type(packet)),
        FAMILY => known(&[if packet.family == Family::V4 { 2 } else { 10 }]),
        TRANSPORT => known(&[packet.protocol_number()]),
        _ => unknown(16),
    })
}

/// Reports whether an address begins at an offset of a header.
pub(super) fn is_address(packet: &Packet, base: u32, offset: usize) -> bool {
    const NETWORK: u32 = 1;
    base == NETWORK && addresses_at(packet.family).contains(&offset)
}

fn addresses_at(family: Family) -> [usize; 2] {
    if family == Family::V4 { [12, 16] } else { [8, 24] }
}

/// Returns bytes of a header.
pub(super) fn payload(
    packet: &Packet,
    table: TableFamily,
    base: u32,
    offset: usize,
    length: usize,
) -> Vec<Byte> {
    let header = match base {
        0 if matches!(table, TableFamily::Bridge | TableFamily::Netdev) => link_header(packet),
        1 => network_header(packet),
        2 => transport_header(packet),
        _ => [Byte::UNKNOWN; 40],
    };
    let byte = |at: usize| header.get(at).copied().unwrap_or(Byte::UNKNOWN);
    (offset..offset.saturating_add(length.min(64))).map(byte).collect()
}

fn link_header(packet: &Packet) -> [Byte; 40] {
    const TYPE: usize = 12;
    let mut header = [Byte::UNKNOWN; 40];
    write(&mut header, TYPE, &ether_type(packet));
    header
}

fn network_header(packet: &Packet) -> [Byte; 40] {
    let mut header = [Byte::UNKNOWN; 40];
    match packet.family {
        Family::V4 => {
            // It is not a fragment; it may have the flag that forbids them.
            header[6] = Byte::of_bits(0, 0b1011_1111);
            header[7] = Byte::known(0);
            header[9] = Byte::known(packet.protocol_number());
        }
        Family::V6 => header[6] = Byte::known(packet.protocol_number()),
    }
    let addresses = addresses_at(packet.family);
    for (at, end) in addresses.into_iter().zip([&packet.source, &packet.destination]) {
        if let Some(address) = end.address {
            write(&mut header, at, &octets(address));
        }
    }
    header
}

fn transport_header(packet: &Packet) -> [Byte; 40] {
    let mut header = [Byte::UNKNOWN; 40];
    for (at, end) in [(0, &packet.source), (2, &packet.destination)] {
        match end.port {
            Port::One(port) => write(&mut header, at, &port.to_be_bytes()),
            Port::Chosen => header[at] = Byte::of_bits(Port::FIRST_CHOSEN.to_be_bytes()[0], 0x80),
            Port::Unknown => {}
        }
    }
    if packet.protocol == Protocol::Tcp {
        header[13] = Byte::of_bits(packet.stage.flags(), FLAGS);
    }
    header
}

fn write(header: &mut [Byte], at: usize, bytes: &[u8]) {
    header.iter_mut().skip(at).zip(bytes).for_each(|(byte, value)| *byte = Byte::known(*value));
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// Returns what connection tracking knows. A packet that it has not seen has a state only.
pub(super) fn conntrack(packet: &Packet, key: u32, direction: Option<u8>) -> Option<Vec<Byte>> {
    const STATE: u32 = 0;
    const DIRECTION: u32 = 1;
    const STATUS: u32 = 2;
    const INVALID: u32 = 1;
    const ESTABLISHED: u32 = 2;
    const NEW: u32 = 8;
    let Some(flow) = packet.flow else {
        return (key == STATE).then(|| known(&INVALID.to_ne_bytes()));
    };
    let is_first = packet.stage == Stage::First;
    Some(match key {
        STATE => known(&if is_first { NEW } else { ESTABLISHED }.to_ne_bytes()),
        DIRECTION => known(&[u8::from(packet.stage == Stage::Answer)]),
        STATUS => status(&flow, packet.stage),
        _ => original(&flow, key, direction).unwrap_or_else(|| unknown(16)),
    })
}

/// Returns the status, of which only some bits are known.
fn status(flow: &Flow, stage: Stage) -> Vec<Byte> {
    const ANSWERED: u32 = 0x02;
    const REWRITTEN: u32 = 0x10;
    const TRANSLATED: u32 = 0x20;
    let bits = [
        (ANSWERED, Some(stage != Stage::First)),
        (REWRITTEN, flow.is_rewritten),
        (TRANSLATED, Some(flow.is_translated)),
    ];
    let sum = |holds: fn(&(u32, Option<bool>)) -> bool| {
        bits.iter().filter(|bit| holds(bit)).map(|(bit, _)| bit).sum::<u32>().to_ne_bytes()
    };
    let (value, is_known) = (sum(|bit| bit.1 == Some(true)), sum(|bit| bit.1.is_some()));
    value.into_iter().zip(is_known).map(|(value, known)| Byte::of_bits(value, known)).collect()
}

/// Returns an address or port of the client's packets before any translation.
fn original(flow: &Flow, key: u32, direction: Option<u8>) -> Option<Vec<Byte>> {
    const SOURCES: [u32; 3] = [8, 19, 21];
    const DESTINATIONS: [u32; 3] = [9, 20, 22];
    let [source, destination] = flow.original;
    if direction != Some(0) {
        return None;
    }
    match key {
        11 => Some(known(&source.port.one()?.to_be_bytes())),
        12 => Some(known(&destination.port.one()?.to_be_bytes())),
        _ if SOURCES.contains(&key) => Some(known(&octets(source.address?))),
        _ if DESTINATIONS.contains(&key) => Some(known(&octets(destination.address?))),
        _ => None,
    }
}

/// Returns the result of a route lookup.
pub(super) fn fib(packet: &Packet, result: u32, flags: u32) -> Option<Vec<Byte>> {
    const INTERFACE: u32 = 1;
    const TYPE: u32 = 3;
    const SOURCE: u32 = 1;
    const DESTINATION: u32 = 2;
    const IS_PRESENT: u32 = 32;
    let end = match flags & (SOURCE | DESTINATION) {
        SOURCE => packet.source,
        DESTINATION => packet.destination,
        _ => return Some(unknown(4)),
    };
    Some(match (result, end.is_local) {
        (TYPE, Some(is_local)) => {
            let (unicast, local) = (1_u32, 2_u32);
            known(&if is_local { local } else { unicast }.to_ne_bytes())
        }
        // As firewalld asks for the reverse path.
        (INTERFACE, _) if flags & SOURCE != 0 && flags & IS_PRESENT != 0 => {
            match packet.is_expected {
                Some(is_present) => known(&[u8::from(is_present), 0, 0, 0]),
                None => unknown(4),
            }
        }
        _ => unknown(4),
    })
}
