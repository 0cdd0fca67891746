//! Data: the keys and values of sets, and verdicts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A data type of nft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// An IPv4 address.
    Ipv4Addr,
    /// An IPv6 address.
    Ipv6Addr,
    /// A transport protocol number.
    InetProto,
    /// A port.
    InetService,
    /// A link's name.
    Ifname,
}

/// A value of one [`DataType`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A transport protocol number.
    Proto(u8),
    /// A port.
    Port(u16),
    /// A link's name of at most 15 bytes.
    Ifname(String),
}

/// The key of an element.
///
/// Keys of a set with intervals are always read as [`Key::Range`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// One value for each field.
    One(Vec<Field>),
    /// The first and the last value for each field, both inclusive.
    Range(Vec<(Field, Field)>),
}

/// The value of a map's element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Value {
    /// Data of one or more fields.
    Data(Vec<Field>),
    /// A verdict on the packet.
    Verdict(Verdict),
}

/// A verdict on a packet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Accepts the packet at this chain and continues with the next base chain.
    Accept,
    /// Drops the packet.
    Drop,
    /// Returns to the calling chain; in a base chain applies the policy.
    Return,
    /// Continues in that chain, and returns at its end.
    Jump(String),
    /// Continues in that chain without returning.
    Goto(String),
}

impl Field {
    /// Returns its type.
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
    /// Returns the types of its fields.
    pub fn data_types(&self) -> Vec<DataType> {
        match self {
            Self::One(fields) => fields.iter().map(Field::data_type).collect(),
            Self::Range(ends) => ends.iter().map(|(first, _)| first.data_type()).collect(),
        }
    }

    /// Returns the key as an interval; a point is an interval of one value.
    pub fn into_range(self) -> Self {
        match self {
            Self::One(fields) => {
                Self::Range(fields.into_iter().map(|field| (field.clone(), field)).collect())
            }
            range @ Self::Range(_) => range,
        }
    }
}

impl Field {
    /// Returns the first and the last address with this prefix, for a set with intervals:
    /// `10.0.0.0/8`. Returns `None` if it is longer than the address.
    pub fn prefix(address: IpAddr, length: u8) -> Option<(Self, Self)> {
        let all = |bits: u32| 1_u128.checked_shl(bits).map_or(u128::MAX, |high| high - 1);
        Some(match address {
            IpAddr::V4(address) => {
                let free = all(32_u32.checked_sub(length.into())?) as u32;
                let first = address.to_bits() & !free;
                (Self::Ipv4(first.into()), Self::Ipv4((first | free).into()))
            }
            IpAddr::V6(address) => {
                let free = all(128_u32.checked_sub(length.into())?);
                let first = address.to_bits() & !free;
                (Self::Ipv6(first.into()), Self::Ipv6((first | free).into()))
            }
        })
    }
}

impl From<IpAddr> for Field {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}

impl From<Field> for Key {
    fn from(field: Field) -> Self {
        Self::One(vec![field])
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

/// The transport protocols that nft knows by name on any host; others are displayed as numbers.
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

/// Writes `a . b . c`.
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

/// An interval in nft's syntax: one value, a prefix, or the first and the last value.
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

/// Returns the prefix length of an interval, if it consists of all addresses with a common prefix.
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
