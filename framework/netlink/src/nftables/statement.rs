//! Statements: the matches and actions of a rule, modelled on nft's syntax.

use crate::nftables::action::{CtState, Limit, Log, Reject};
use crate::nftables::data::{Field, Verdict};
use crate::nftables::expression::RawExpression;
use crate::nftables::table::Family;

/// A part of a rule: a match or an action.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// Compares a selector with a value: `ip daddr 127.0.0.0/8`, `iifname != "lo"`.
    Match {
        /// The part of the packet to compare.
        left: Selector,
        /// The comparison.
        op: Op,
        /// The value to compare with.
        right: Operand,
    },
    /// `fib daddr type local`: matches packets to an address of this host.
    FibDaddrLocal,
    /// `ct status dnat`: matches packets of a flow whose destination is translated.
    CtStatusDnat,
    /// `ct state established,related`: matches packets in one of these states.
    CtState(Vec<CtState>),
    /// Matches a key that is in a set: `iifname @excluded`, `iifname { "a", "b" }`.
    InSet {
        /// The fields of the key.
        left: Vec<Selector>,
        /// Whether to match a key that is not in the set instead.
        negated: bool,
        /// The set.
        set: SetRef,
    },
    /// `meta l4proto . th dport vmap @ports4`: applies the verdict in a map, if the key exists.
    VerdictMap {
        /// The fields of the key.
        left: Vec<Selector>,
        /// The map's name.
        map: String,
    },
    /// `dnat ip to meta l4proto . th dport map @dnat4`: translates the destination to the value in
    /// a map, if the key exists.
    Dnat {
        /// The family of the addresses in the map: [`Family::Ip`] or [`Family::Ip6`].
        family: Family,
        /// The fields of the key.
        left: Vec<Selector>,
        /// The map's name.
        map: String,
        /// Whether the map's values are an address and a port, or only an address.
        with_port: bool,
    },
    /// `masquerade`: translates the source to an address of the output link.
    Masquerade,
    /// `counter`: counts packets and bytes; see [`Expression::Counter`] for the numbers.
    ///
    /// [`Expression::Counter`]: crate::nftables::Expression::Counter
    Counter,
    /// `limit rate 10/second burst 5 packets`: matches packets up to a rate.
    Limit(Limit),
    /// `log prefix "dropped: "`: logs the packet.
    Log(Log),
    /// `reject`: drops the packet and informs its sender.
    Reject(Reject),
    /// Applies a verdict: `accept`, `jump hostports`.
    Verdict(Verdict),
    /// An expression that this crate has no statement for.
    Raw {
        /// The expression, which is sent as it is.
        expression: RawExpression,
        /// The same in nft's syntax, for the displayed text.
        text: String,
    },
}

/// A part of a packet or of its metadata, which a match compares or which a key contains.
///
/// As in nft, a selector that exists only in one family implies a match of that family in a table
/// of family inet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Selector {
    /// `iifname`: the input link.
    Iifname,
    /// `oifname`: the output link.
    Oifname,
    /// `meta nfproto`: the family; see [`Statement::family`].
    NfProto,
    /// `meta l4proto`: the transport protocol.
    L4Proto,
    /// `ip saddr`: the IPv4 source address.
    IpSaddr,
    /// `ip daddr`: the IPv4 destination address.
    IpDaddr,
    /// `ip6 saddr`: the IPv6 source address.
    Ip6Saddr,
    /// `ip6 daddr`: the IPv6 destination address.
    Ip6Daddr,
    /// `th sport`: the source port.
    ThSport,
    /// `th dport`: the destination port.
    ThDport,
    /// `ct original ip daddr`: the destination before translation.
    CtOriginalIpDaddr,
    /// `ct original ip6 daddr`: the destination before translation.
    CtOriginalIp6Daddr,
    /// `ct original proto-dst`: the destination port before translation.
    ///
    /// nft 1.0.6 accepts it, even from its own listing, only after a match of the transport
    /// protocol in the same rule, such as `meta l4proto tcp` or `meta l4proto { tcp, udp }`.
    CtOriginalProtoDst,
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

/// The right-hand side of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operand {
    /// One value. A link's name that ends in `*` matches all names with that prefix.
    Value(Field),
    /// All addresses with this prefix, which has this length in bits.
    Prefix(Field, u8),
}

/// A reference to a set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetRef {
    /// A named set of the table.
    Named(String),
    /// An anonymous set of values of one type. Their order is irrelevant.
    Anonymous(Vec<Field>),
}

impl Statement {
    /// Returns a match of the family, such as `meta nfproto ipv4`. [`Family::Inet`] counts as IPv4.
    pub fn family(family: Family) -> Self {
        let number = if family == Family::Ip6 { 10 } else { 2 };
        Self::matches(Selector::NfProto, Field::Proto(number))
    }

    /// Returns a match of one value or prefix.
    pub fn matches(left: Selector, right: impl Into<Operand>) -> Self {
        Self::Match { left, op: Op::Eq, right: right.into() }
    }

    /// Returns a match of what a named set contains.
    pub fn is_in(left: Selector, set: impl Into<String>) -> Self {
        Self::InSet { left: vec![left], negated: false, set: SetRef::Named(set.into()) }
    }

    /// Returns `accept`.
    pub fn accept() -> Self {
        Self::Verdict(Verdict::Accept)
    }

    /// Returns `drop`.
    pub fn drop() -> Self {
        Self::Verdict(Verdict::Drop)
    }

    /// Returns `goto`: the packet continues in that chain without returning.
    pub fn goto(chain: impl Into<String>) -> Self {
        Self::Verdict(Verdict::Goto(chain.into()))
    }
}

impl From<Field> for Operand {
    fn from(field: Field) -> Self {
        Self::Value(field)
    }
}
