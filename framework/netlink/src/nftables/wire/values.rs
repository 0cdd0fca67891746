//! The kernel's and nft's numbers and names of families, hooks, chain types and data types, and
//! the bytes of keys and values.

use crate::attribute::align;
use crate::error::Malformed;
use crate::nftables::chain::{ChainType, Hook, Policy};
use crate::nftables::data::{DataType, Field};
use crate::nftables::table::Family;
use crate::nftables::wire::uapi::{BRIDGE, IFNAME, IPV4, IPV6, NETDEV, order};

impl Family {
    pub(in crate::nftables) fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip => IPV4,
            Self::Ip6 => IPV6,
            Self::Bridge => BRIDGE,
            Self::Netdev => NETDEV,
        }
    }

    pub(in crate::nftables) fn of_number(number: u8) -> Option<Self> {
        let all = [Self::Inet, Self::Ip, Self::Ip6, Self::Bridge, Self::Netdev];
        all.into_iter().find(|family| family.number() == number)
    }
}

impl Hook {
    const ALL: [Self; 7] = [
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Ingress,
        Self::Egress,
    ];

    /// Returns the kernel's number, which depends on the family of the table.
    pub(in crate::nftables) fn number(self, family: Family) -> Option<u32> {
        match (family, self) {
            (Family::Netdev, Self::Ingress) => Some(0),
            (Family::Netdev, Self::Egress) => Some(1),
            (Family::Netdev, _) | (_, Self::Egress) => None,
            (_, Self::Ingress) => (family == Family::Inet).then_some(self as u32),
            _ => Some(self as u32),
        }
    }

    pub(in crate::nftables) fn of_number(number: u32, family: Family) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.number(family) == Some(number))
    }
}

impl ChainType {
    pub(in crate::nftables) fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }

    pub(in crate::nftables) fn of_name(name: &[u8]) -> Option<Self> {
        match name {
            b"filter" => Some(Self::Filter),
            b"nat" => Some(Self::Nat),
            b"route" => Some(Self::Route),
            _ => None,
        }
    }
}

impl Policy {
    pub(in crate::nftables) fn number(self) -> u32 {
        match self {
            Self::Drop => 0,
            Self::Accept => 1,
        }
    }
}

impl DataType {
    /// Returns nft's number of the type.
    pub(in crate::nftables) fn number(self) -> u32 {
        match self {
            Self::Ipv4Addr => 7,
            Self::Ipv6Addr => 8,
            Self::InetProto => 12,
            Self::InetService => 13,
            Self::Ifname => 41,
        }
    }

    /// Returns the length in bytes.
    pub(in crate::nftables) fn length(self) -> usize {
        match self {
            Self::InetProto => 1,
            Self::InetService => 2,
            Self::Ipv4Addr => 4,
            Self::Ipv6Addr | Self::Ifname => IFNAME,
        }
    }

    pub(in crate::nftables) fn order(self) -> u32 {
        if self == Self::Ifname { order::HOST } else { order::NETWORK }
    }
}

impl Field {
    /// Appends the bytes of the value. A link's name that is too long has been refused before;
    /// otherwise it would be truncated.
    pub(in crate::nftables) fn append_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Ipv4(address) => bytes.extend_from_slice(&address.octets()),
            Self::Ipv6(address) => bytes.extend_from_slice(&address.octets()),
            Self::Proto(number) => bytes.push(*number),
            Self::Port(port) => bytes.extend_from_slice(&port.to_be_bytes()),
            Self::Ifname(name) => {
                let end = bytes.len() + IFNAME;
                bytes.extend(name.bytes().take(IFNAME - 1));
                bytes.resize(end, 0);
            }
        }
    }

    fn read(kind: DataType, bytes: &[u8]) -> Option<Self> {
        Some(match kind {
            DataType::Ipv4Addr => Self::Ipv4((*bytes.first_chunk::<4>()?).into()),
            DataType::Ipv6Addr => Self::Ipv6((*bytes.first_chunk::<16>()?).into()),
            DataType::InetProto => Self::Proto(*bytes.first()?),
            DataType::InetService => Self::Port(u16::from_be_bytes(*bytes.first_chunk()?)),
            DataType::Ifname => {
                let name = bytes.get(..IFNAME)?.split(|byte| *byte == 0).next()?;
                Self::Ifname(String::from_utf8_lossy(name).into_owned())
            }
        })
    }
}

/// Appends fields. Those of a concatenation are padded to 4 bytes each.
pub(in crate::nftables) fn append<'a>(
    bytes: &mut Vec<u8>,
    fields: impl ExactSizeIterator<Item = &'a Field>,
) {
    let is_concatenation = fields.len() > 1;
    for field in fields {
        let start = bytes.len();
        field.append_to(bytes);
        if is_concatenation {
            bytes.resize(start + align(bytes.len() - start), 0);
        }
    }
}

/// Returns the next higher number in network byte order, if there is one of this length.
pub(in crate::nftables) fn successor(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return Some(bytes);
        }
    }
    None
}

/// Returns the next lower number in network byte order, if there is one.
pub(in crate::nftables) fn predecessor(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_sub(1);
        if *byte != 0xff {
            return Some(bytes);
        }
    }
    None
}

/// Returns the length in bytes of fields of these types.
pub(in crate::nftables) fn length(types: &[DataType]) -> usize {
    match types {
        [one] => one.length(),
        types => types.iter().map(|kind| align(kind.length())).sum(),
    }
}

/// Reads fields of these types, which must use all bytes.
pub(in crate::nftables) fn read(types: &[DataType], bytes: &[u8]) -> Result<Vec<Field>, Malformed> {
    const OTHER: Malformed = Malformed("a key or a value does not have the type of its set");
    if bytes.len() != length(types) {
        return Err(OTHER);
    }
    let mut rest = bytes;
    let mut next = |kind: &DataType| {
        let field = Field::read(*kind, rest)?;
        rest = rest.get(align(kind.length())..).unwrap_or_default();
        Some(field)
    };
    types.iter().map(|kind| next(kind).ok_or(OTHER)).collect()
}

/// Returns nft's number of a concatenation of types.
pub(in crate::nftables) fn type_number(types: &[DataType]) -> u32 {
    types.iter().fold(0, |number, kind| number << 6 | kind.number())
}
