//! Expressions: the instructions on registers of which a rule consists in the kernel.

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
    /// An expression that this crate does not know, or not in this form: its name.
    Other(String),
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
            Self::Other(name) => name,
        }
    }
}
