//! What a rule is for the kernel: small steps that work on registers.

use crate::nftables::data::Verdict;
use crate::nftables::statement::SetRef;

/// One step of a rule, as the kernel lists it. Numbers are those of the kernel's header.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expression {
    /// Loads something about the packet.
    Meta {
        /// What.
        key: u32,
        /// To where.
        register: u32,
    },
    /// Loads bytes of the packet.
    Payload {
        /// Of which header.
        base: u32,
        /// From which byte on.
        offset: u32,
        /// How many.
        length: u32,
        /// To where.
        register: u32,
    },
    /// Loads something about the packet's flow.
    Ct {
        /// What.
        key: u32,
        /// Of which direction.
        direction: Option<u8>,
        /// To where.
        register: u32,
    },
    /// Loads what routing says of the packet.
    Fib {
        /// What is asked for.
        result: u32,
        /// What of the packet is looked up.
        flags: u32,
        /// To where.
        register: u32,
    },
    /// Masks a register, in place.
    Mask {
        /// Which.
        register: u32,
        /// The bits that stay.
        mask: Vec<u8>,
    },
    /// Ends the rule unless the register compares so.
    Compare {
        /// Which.
        register: u32,
        /// How.
        op: u32,
        /// With what.
        value: Vec<u8>,
    },
    /// Looks a register up in a set, and ends the rule when it is not there (or is, when inverted).
    Lookup {
        /// In which.
        set: SetRef,
        /// What.
        register: u32,
        /// To where the map's value goes; 0: it is the verdict.
        to: Option<u32>,
        /// Ends the rule when it is there.
        inverted: bool,
    },
    /// Ends the rule with a verdict.
    Verdict(Verdict),
    /// Translates an address.
    Nat {
        /// Source 0, destination 1.
        kind: u32,
        /// Of which family's packets.
        family: u32,
        /// Where the address is.
        address: u32,
        /// Where the port is.
        port: Option<u32>,
    },
    /// Translates the source address to that of the outgoing link.
    Masquerade,
    /// One that this crate does not know, or not in this form: its name.
    Other(String),
}

impl Expression {
    /// The kernel's name for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Meta { .. } => "meta",
            Self::Payload { .. } => "payload",
            Self::Ct { .. } => "ct",
            Self::Fib { .. } => "fib",
            Self::Mask { .. } => "bitwise",
            Self::Compare { .. } => "cmp",
            Self::Lookup { .. } => "lookup",
            Self::Verdict(_) => "immediate",
            Self::Nat { .. } => "nat",
            Self::Masquerade => "masq",
            Self::Other(name) => name,
        }
    }
}
