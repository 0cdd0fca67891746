//! What keys and values of sets are made of.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A type of nft's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// An IPv4 address.
    Ipv4Addr,
    /// An IPv6 address.
    Ipv6Addr,
    /// A transport protocol.
    InetProto,
    /// A port.
    InetService,
    /// A link's name.
    Ifname,
}

/// One datum of a type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A transport protocol's number.
    Proto(u8),
    /// A port.
    Port(u16),
    /// A link's name, at most 15 bytes.
    Ifname(String),
}

/// What an element of a set is found by.
///
/// Elements of a set with intervals are always read as [`Key::Range`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// One value of each field.
    One(Vec<Field>),
    /// The first and the last value of each field, both included.
    Range(Vec<(Field, Field)>),
}

/// What a map's element leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Value {
    /// Data, one or more fields.
    Data(Vec<Field>),
    /// What becomes of the packet.
    Verdict(Verdict),
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It leaves this hook's chain and goes on.
    Accept,
    /// It is dropped.
    Drop,
    /// It goes on where it came from; at the end of a base chain: the policy.
    Return,
    /// It goes on in that chain, and comes back at its end.
    Jump(String),
    /// It goes on in that chain, and does not come back.
    Goto(String),
}

impl Field {
    /// Its type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::Ipv4(_) => DataType::Ipv4Addr,
            Self::Ipv6(_) => DataType::Ipv6Addr,
            Self::Proto(_) => DataType::InetProto,
            Self::Port(_) => DataType::InetService,
            Self::Ifname(_) => DataType::Ifname,
        }
    }
}

impl Key {
    /// The same key as a set with intervals has it: a point is an interval of one.
    pub fn into_range(self) -> Self {
        match self {
            Self::One(fields) => {
                Self::Range(fields.into_iter().map(|field| (field.clone(), field)).collect())
            }
            range @ Self::Range(_) => range,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4Addr => "ipv4_addr",
            Self::Ipv6Addr => "ipv6_addr",
            Self::InetProto => "inet_proto",
            Self::InetService => "inet_service",
            Self::Ifname => "ifname",
        })
    }
}

/// The transport protocols that nft's own table of names is sure to have; others are shown as numbers.
const PROTOCOLS: [(u8, &str); 7] = [
    (1, "icmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (58, "ipv6-icmp"),
    (132, "sctp"),
    (136, "udplite"),
];

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => address.fmt(f),
            Self::Ipv6(address) => address.fmt(f),
            Self::Proto(number) => match PROTOCOLS.iter().find(|(one, _)| one == number) {
                Some((_, name)) => f.write_str(name),
                None => number.fmt(f),
            },
            Self::Port(port) => port.fmt(f),
            Self::Ifname(name) => write!(f, "\"{name}\""),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(fields) => concatenation(f, fields),
            Self::Range(fields) => {
                concatenation(f, fields.iter().map(|(first, last)| Interval(first, last)))
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(fields) => concatenation(f, fields),
            Self::Verdict(verdict) => verdict.fmt(f),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}

/// `a . b . c`
pub(super) fn concatenation<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            f.write_str(" . ")?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

/// An interval as nft shows it: one value, a prefix, or first and last.
struct Interval<'a>(&'a Field, &'a Field);

impl fmt::Display for Interval<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(first, last) = self;
        if first == last {
            return first.fmt(f);
        }
        match prefix(first, last) {
            Some(length) => write!(f, "{first}/{length}"),
            None => write!(f, "{first}-{last}"),
        }
    }
}

/// How many leading bits the addresses of an interval have in common, when it is all that begin so.
fn prefix(first: &Field, last: &Field) -> Option<u32> {
    let (first, last, bits) = match (first, last) {
        (Field::Ipv4(first), Field::Ipv4(last)) => {
            (u128::from(first.to_bits()), u128::from(last.to_bits()), 32)
        }
        (Field::Ipv6(first), Field::Ipv6(last)) => (first.to_bits(), last.to_bits(), 128),
        _ => return None,
    };
    let free = 128 - (first ^ last).leading_zeros();
    let mask = u128::MAX.checked_shl(free).map_or(u128::MAX, |high| !high);
    (first & mask == 0 && last & mask == mask).then_some(bits - free)
}
