//! What a rule says, nearly as nft spells it.

use crate::nftables::data::{Field, Verdict};
use crate::nftables::table::Family;

/// A part of a rule: a test that a packet passes or not, or what is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// `ip daddr 127.0.0.0/8`, `iifname != "lo"`, `iifname "veth*"`.
    Match {
        /// What of the packet.
        left: Selector,
        /// How it is compared.
        op: Op,
        /// With what.
        right: Operand,
    },
    /// `fib daddr type local`: sent to an address of this host.
    FibDaddrLocal,
    /// `ct status dnat`: of a flow whose destination is translated.
    CtStatusDnat,
    /// `iifname @excluded`, `iifname { "a", "b" }`.
    InSet {
        /// What of the packet.
        left: Vec<Selector>,
        /// Whether it must not be in it.
        negated: bool,
        /// In what.
        set: SetRef,
    },
    /// `meta l4proto . th dport vmap @ports4`: the verdict that the map has for it, if any.
    VerdictMap {
        /// What of the packet.
        left: Vec<Selector>,
        /// The map's name.
        map: String,
    },
    /// `dnat ip to meta l4proto . th dport map @dnat4`: to where the map says, if it does.
    Dnat {
        /// Of the addresses in the map: [`Family::Ip`] or [`Family::Ip6`].
        family: Family,
        /// What of the packet.
        left: Vec<Selector>,
        /// The map's name.
        map: String,
        /// Whether the map's values are an address and a port; else an address alone.
        with_port: bool,
    },
    /// `masquerade`: the source becomes the address of the link that it leaves by.
    Masquerade,
    /// `accept`, `jump hostports`.
    Verdict(Verdict),
}

/// What of a packet is looked at.
///
/// As with nft, one that only packets of one family have implies a test of the family in an inet table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Selector {
    /// `iifname`: the link that it came by.
    Iifname,
    /// `oifname`: the link that it leaves by.
    Oifname,
    /// `meta nfproto`: its family; see [`Statement::family`].
    NfProto,
    /// `meta l4proto`: its transport protocol.
    L4Proto,
    /// `ip saddr`
    IpSaddr,
    /// `ip daddr`
    IpDaddr,
    /// `ip6 saddr`
    Ip6Saddr,
    /// `ip6 daddr`
    Ip6Daddr,
    /// `th sport`
    ThSport,
    /// `th dport`
    ThDport,
    /// `ct original ip daddr`: the destination before it was translated.
    CtOriginalIpDaddr,
    /// `ct original ip6 daddr`: the destination before it was translated.
    CtOriginalIp6Daddr,
    /// `ct original proto-dst`: the destination port before it was translated.
    ///
    /// nft 1.0.6 reads it, also from its own list, only after a test of the transport protocol in the same rule:
    /// `meta l4proto tcp` or `meta l4proto { tcp, udp }`.
    CtOriginalProtoDst,
}

/// How a match compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

/// What a match compares with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operand {
    /// One value; a link's name that ends in `*` stands for all that begin so.
    Value(Field),
    /// The addresses that have their first bits (so many) in common with this one.
    Prefix(Field, u8),
}

/// Which set a packet is looked for in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetRef {
    /// One of the table, by its name.
    Named(String),
    /// One of the rule's own; all fields of one type. Their order does not matter.
    Anonymous(Vec<Field>),
}

impl Statement {
    /// `meta nfproto ipv4`: the packet is of this family; [`Family::Inet`] is taken as IPv4.
    pub fn family(family: Family) -> Self {
        let number = if family == Family::Ip6 { 10 } else { 2 };
        Self::Match { left: Selector::NfProto, op: Op::Eq, right: Field::Proto(number).into() }
    }
}

impl From<Field> for Operand {
    fn from(field: Field) -> Self {
        Self::Value(field)
    }
}
