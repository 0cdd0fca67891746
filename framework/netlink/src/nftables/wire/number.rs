//! The kernel's and nft's numbers and names of families, hooks, chain types and data types.

use crate::nftables::chain::{ChainType, Hook, Policy};
use crate::nftables::data::DataType;
use crate::nftables::table::Family;
use crate::nftables::wire::uapi::{IFNAME, IPV4, IPV6, order};

impl Family {
    pub(in crate::nftables) fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip => IPV4,
            Self::Ip6 => IPV6,
        }
    }
}

impl Hook {
    const ALL: [Self; 5] =
        [Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting];

    pub(in crate::nftables) fn number(self) -> u32 {
        self as u32
    }

    pub(in crate::nftables) fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.number() == number)
    }
}

impl ChainType {
    pub(in crate::nftables) fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
        }
    }

    pub(in crate::nftables) fn of_name(name: &[u8]) -> Option<Self> {
        match name {
            b"filter" => Some(Self::Filter),
            b"nat" => Some(Self::Nat),
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
