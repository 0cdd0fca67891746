//! The expressions to which nft compiles selectors, matches and actions, and their registers.

use crate::nftables::data::{DataType, Field};
use crate::nftables::expression::Expression;
use crate::nftables::statement::{Op, Selector};
use crate::nftables::table::Family;
use crate::nftables::wire::uapi::{IFNAME, IPV4, IPV6};

/// The verdict register.
pub(in crate::nftables) const VERDICT: u32 = 0;
/// The first register for data.
pub(in crate::nftables) const FIRST: u32 = 1;

pub(in crate::nftables) const META_IIFNAME: u32 = 6;
pub(in crate::nftables) const META_OIFNAME: u32 = 7;
pub(in crate::nftables) const META_NFPROTO: u32 = 15;
pub(in crate::nftables) const META_L4PROTO: u32 = 16;
pub(in crate::nftables) const NETWORK_HEADER: u32 = 1;
pub(in crate::nftables) const TRANSPORT_HEADER: u32 = 2;
const CT_STATUS: u32 = 2;
const CT_PROTO_DST: u32 = 12;
const CT_DST_IP: u32 = 20;
const CT_DST_IP6: u32 = 22;
const CT_ORIGINAL: u8 = 0;
/// The conntrack status bit of destination translation.
const STATUS_DNAT: u32 = 1 << 5;
const FIB_DADDR: u32 = 2;
const FIB_ADDRESS_TYPE: u32 = 3;
const ADDRESS_LOCAL: u32 = 2;
pub(in crate::nftables) const EQ: u32 = 0;
pub(in crate::nftables) const NE: u32 = 1;
pub(in crate::nftables) const NAT_DESTINATION: u32 = 1;

/// Returns the register at `word` words of 4 bytes after the first one, with the number by which
/// the kernel lists it.
pub(in crate::nftables) fn register(word: usize) -> u32 {
    let word = u32::try_from(word).unwrap_or(u32::MAX / 2);
    if word.is_multiple_of(4) { FIRST + word / 4 } else { 8 + word }
}

/// The source of a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::nftables) enum Load {
    Meta(u32),
    /// The header, and the offset and the length in it.
    Payload(u32, u32, u32),
    /// The key and the direction.
    Ct(u32, Option<u8>),
}

impl Load {
    pub(in crate::nftables) fn to(self, register: u32) -> Expression {
        match self {
            Self::Meta(key) => Expression::Meta { key, register },
            Self::Payload(base, offset, length) => {
                Expression::Payload { base, offset, length, register }
            }
            Self::Ct(key, direction) => Expression::Ct { key, direction, register },
        }
    }
}

impl Selector {
    pub(in crate::nftables) const ALL: [Self; 13] = [
        Self::Iifname,
        Self::Oifname,
        Self::NfProto,
        Self::L4Proto,
        Self::IpSaddr,
        Self::IpDaddr,
        Self::Ip6Saddr,
        Self::Ip6Daddr,
        Self::ThSport,
        Self::ThDport,
        Self::CtOriginalIpDaddr,
        Self::CtOriginalIp6Daddr,
        Self::CtOriginalProtoDst,
    ];

    /// Returns the type of what it selects.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Iifname | Self::Oifname => DataType::Ifname,
            Self::NfProto | Self::L4Proto => DataType::InetProto,
            Self::IpSaddr | Self::IpDaddr | Self::CtOriginalIpDaddr => DataType::Ipv4Addr,
            Self::Ip6Saddr | Self::Ip6Daddr | Self::CtOriginalIp6Daddr => DataType::Ipv6Addr,
            Self::ThSport | Self::ThDport | Self::CtOriginalProtoDst => DataType::InetService,
        }
    }
}

/// Returns how to load a selector, and its length in bytes.
pub(in crate::nftables) fn load(selector: Selector) -> (Load, usize) {
    let load = match selector {
        Selector::Iifname => Load::Meta(META_IIFNAME),
        Selector::Oifname => Load::Meta(META_OIFNAME),
        Selector::NfProto => Load::Meta(META_NFPROTO),
        Selector::L4Proto => Load::Meta(META_L4PROTO),
        Selector::IpSaddr => Load::Payload(NETWORK_HEADER, 12, 4),
        Selector::IpDaddr => Load::Payload(NETWORK_HEADER, 16, 4),
        Selector::Ip6Saddr => Load::Payload(NETWORK_HEADER, 8, 16),
        Selector::Ip6Daddr => Load::Payload(NETWORK_HEADER, 24, 16),
        Selector::ThSport => Load::Payload(TRANSPORT_HEADER, 0, 2),
        Selector::ThDport => Load::Payload(TRANSPORT_HEADER, 2, 2),
        Selector::CtOriginalIpDaddr => Load::Ct(CT_DST_IP, Some(CT_ORIGINAL)),
        Selector::CtOriginalIp6Daddr => Load::Ct(CT_DST_IP6, Some(CT_ORIGINAL)),
        Selector::CtOriginalProtoDst => Load::Ct(CT_PROTO_DST, Some(CT_ORIGINAL)),
    };
    (load, selector.data_type().length())
}

/// Returns the family whose header a selector reads. Selectors of `ct` check the family themselves.
pub(in crate::nftables) fn family_of(selector: Selector) -> Option<u8> {
    match selector {
        Selector::IpSaddr | Selector::IpDaddr => Some(IPV4),
        Selector::Ip6Saddr | Selector::Ip6Daddr => Some(IPV6),
        _ => None,
    }
}

/// Returns the family that all packets of a table have.
pub(in crate::nftables) fn network(family: Family) -> Option<u8> {
    matches!(family, Family::Ip | Family::Ip6).then(|| family.number())
}

pub(in crate::nftables) fn comparison(op: Op) -> u32 {
    match op {
        Op::Eq => EQ,
        Op::Ne => NE,
    }
}

/// Returns the bytes to compare with. For a link's name with a `*` that is the prefix before it.
pub(in crate::nftables) fn bytes(field: &Field) -> Vec<u8> {
    if let Field::Ifname(name) = field
        && let Some(begin) = name.strip_suffix('*')
    {
        return begin.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(IFNAME);
    field.append_to(&mut bytes);
    bytes
}

/// Returns the bytes and the mask for comparing with a prefix. For a prefix of whole bytes, only
/// these bytes are loaded, and there is no mask.
pub(in crate::nftables) fn prefix(
    load: &mut Load,
    length: usize,
    field: &Field,
    bits: u8,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let mask = mask(length, usize::from(bits));
    let mut value = bytes(field);
    value.iter_mut().zip(&mask).for_each(|(byte, mask)| *byte &= mask);
    let whole = usize::from(bits / 8);
    if !bits.is_multiple_of(8) || whole == 0 {
        return (value, Some(mask));
    }
    value.truncate(whole);
    if let Load::Payload(_, _, length) = load {
        *length = u32::from(bits / 8).min(*length);
    }
    (value, None)
}

fn mask(length: usize, bits: usize) -> Vec<u8> {
    let of_byte = |at: usize| match bits.saturating_sub(at * 8) {
        8.. => 0xff,
        bits => !(0xff_u8 >> bits),
    };
    (0..length).map(of_byte).collect()
}

pub(in crate::nftables) fn fib_daddr_local() -> [Expression; 2] {
    let (register, op) = (FIRST, EQ);
    [
        Expression::Fib { result: FIB_ADDRESS_TYPE, flags: FIB_DADDR, register },
        Expression::Compare { register, op, value: ADDRESS_LOCAL.to_ne_bytes().to_vec() },
    ]
}

pub(in crate::nftables) fn ct_status_dnat() -> [Expression; 3] {
    let (register, op) = (FIRST, NE);
    [
        Expression::Ct { key: CT_STATUS, direction: None, register },
        Expression::Mask { register, mask: STATUS_DNAT.to_ne_bytes().to_vec() },
        Expression::Compare { register, op, value: vec![0; 4] },
    ]
}

/// Returns the translation of a destination to a map's value, which is in the registers of the key:
/// first the address, then the port.
pub(in crate::nftables) fn dnat(family: Family, with_port: bool) -> Expression {
    let (number, words) = match family {
        Family::Ip6 => (IPV6, 4),
        _ => (IPV4, 1),
    };
    let port = with_port.then(|| register(words));
    Expression::Nat { kind: NAT_DESTINATION, family: number.into(), address: FIRST, port }
}
