//! Expressions: the instructions on registers of which a rule consists in the kernel.

use crate::attribute::Body;
use crate::nftables::data::Verdict;
use crate::nftables::statement::SetRef;

/// An expression of a rule, as the kernel lists it. The numbers are those of the kernel's header.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expression {
    /// Loads metadata of the packet.
    Meta {
        /// The metadata.
        key: u32,
        /// The destination.
        register: u32,
    },
    /// Loads bytes of the packet.
    Payload {
        /// The header that the offset refers to.
        base: u32,
        /// The offset in bytes.
        offset: u32,
        /// The number of bytes.
        length: u32,
        /// The destination.
        register: u32,
    },
    /// Loads conntrack data of the packet's flow.
    Ct {
        /// The data.
        key: u32,
        /// The direction of the flow.
        direction: Option<u8>,
        /// The destination.
        register: u32,
    },
    /// Loads the result of a route lookup.
    Fib {
        /// The requested result.
        result: u32,
        /// The part of the packet to look up.
        flags: u32,
        /// The destination.
        register: u32,
    },
    /// Applies a mask to a register.
    Mask {
        /// The register.
        register: u32,
        /// The bits to keep.
        mask: Vec<u8>,
    },
    /// Ends the rule unless the comparison holds.
    Compare {
        /// The register.
        register: u32,
        /// The operator.
        op: u32,
        /// The value to compare with.
        value: Vec<u8>,
    },
    /// Looks up a register in a set, and ends the rule if the key is missing (or exists, if
    /// inverted).
    Lookup {
        /// The set.
        set: SetRef,
        /// The register with the key.
        register: u32,
        /// The destination of a map's value; 0 for a verdict.
        to: Option<u32>,
        /// Whether the rule ends if the key exists.
        inverted: bool,
    },
    /// Writes a value to a register.
    Immediate {
        /// The destination.
        register: u32,
        /// The value.
        value: Vec<u8>,
    },
    /// Ends the rule with a verdict.
    Verdict(Verdict),
    /// Translates an address.
    Nat {
        /// 0 for the source, 1 for the destination.
        kind: u32,
        /// The address family.
        family: u32,
        /// The register with the address.
        address: u32,
        /// The register with the port.
        port: Option<u32>,
    },
    /// Translates the source to an address of the output link.
    Masquerade,
    /// Counts packets and bytes. Two counters are equivalent, whatever they have counted.
    Counter {
        /// The number of packets so far.
        packets: u64,
        /// The number of their bytes.
        bytes: u64,
    },
    /// Ends the rule beyond a rate.
    Limit {
        /// The number of packets or bytes in a time.
        rate: u64,
        /// The time in seconds.
        seconds: u64,
        /// The number that may exceed the rate at once.
        burst: u32,
        /// 0 for packets, 1 for bytes.
        kind: u32,
        /// 1 to end the rule below the rate instead.
        flags: u32,
    },
    /// Logs the packet.
    Log {
        /// The text before the packet's data.
        prefix: Option<String>,
        /// The level in the kernel's log.
        level: Option<u32>,
        /// The group that gets the packet instead.
        group: Option<u16>,
    },
    /// Drops the packet and informs its sender.
    Reject {
        /// 0 for an ICMP error, 1 for a TCP reset, 2 for an error of ICMP or ICMPv6.
        kind: u32,
        /// The code of the error.
        code: Option<u8>,
    },
    /// An expression that this crate does not know, or not in this form.
    Raw(RawExpression),
}

/// An expression in the kernel's representation: the way out for what [`Statement`] does not have.
///
/// [`Statement`]: crate::nftables::Statement
///
/// ```
/// use cni_netlink::nftables::{RawExpression, Statement};
///
/// // Attributes of `quota`, from the kernel's header linux/netfilter/nf_tables.h.
/// let (bytes, flags, consumed) = (1, 2, 4);
/// let expression = RawExpression::new("quota", |body| {
///     body.u64_be(bytes, 1_000_000);
///     body.u64_be(consumed, 0);
///     body.u32_be(flags, 0);
/// });
/// let statement = Statement::Raw { expression, text: "quota 1000000 bytes".to_owned() };
/// assert_eq!(statement.to_string(), "quota 1000000 bytes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawExpression {
    /// The kernel's name, such as `quota`.
    pub name: String,
    /// The netlink attributes. The kernel lists them in its own order and with all defaults, so a
    /// rule is equivalent to a listed one only if these are the attributes as it lists them.
    pub data: Vec<u8>,
}

impl RawExpression {
    /// Returns an expression with the attributes that `fill` writes.
    pub fn new(name: impl Into<String>, fill: impl FnOnce(&mut Body<'_>)) -> Self {
        let (mut data, mut too_long) = (Vec::new(), false);
        fill(&mut Body { bytes: &mut data, too_long: &mut too_long });
        Self { name: name.into(), data }
    }
}

/// Reports whether expressions have the same effect: all are equal, except for what was counted.
pub(super) fn are_equivalent(some: &[Expression], others: &[Expression]) -> bool {
    let is_same = |(one, other): (&Expression, &Expression)| match (one, other) {
        (Expression::Counter { .. }, Expression::Counter { .. }) => true,
        (one, other) => one == other,
    };
    some.len() == others.len() && some.iter().zip(others).all(is_same)
}

impl Expression {
    /// Returns the kernel's name of the expression.
    pub fn name(&self) -> &str {
        match self {
            Self::Meta { .. } => "meta",
            Self::Payload { .. } => "payload",
            Self::Ct { .. } => "ct",
            Self::Fib { .. } => "fib",
            Self::Mask { .. } => "bitwise",
            Self::Compare { .. } => "cmp",
            Self::Lookup { .. } => "lookup",
            Self::Immediate { .. } | Self::Verdict(_) => "immediate",
            Self::Nat { .. } => "nat",
            Self::Masquerade => "masq",
            Self::Counter { .. } => "counter",
            Self::Limit { .. } => "limit",
            Self::Log { .. } => "log",
            Self::Reject { .. } => "reject",
            Self::Raw(raw) => &raw.name,
        }
    }
}
