//! Where a rule is, so that it can be shown and deleted.

use std::fmt;

use cni_netlink::nftables::Table;

/// A rule's place in a listing of iptables, or in nf_tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin<'a> {
    /// A line, by which iptables also deletes the rule.
    Line {
        program: &'a str,
        table: &'a str,
        chain: &'a str,
        spec: &'a str,
        /// Its number in the chain, the first of which is 1.
        number: usize,
    },
    Handle {
        table: &'a Table,
        chain: &'a str,
        handle: u64,
    },
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { program, table, chain, spec, .. } => {
                write!(f, "`{program} -t {table} -A {chain} {spec}`")
            }
            Self::Handle { table, chain, handle } => {
                write!(f, "the rule with handle {handle} (`nft -a list chain {table} {chain}`)")
            }
        }
    }
}

impl<'a> Origin<'a> {
    /// Returns the name of its chain.
    pub(super) fn chain(&self) -> &'a str {
        match self {
            Self::Line { chain, .. } | Self::Handle { chain, .. } => chain,
        }
    }

    /// Returns the command that deletes it.
    pub(super) fn deletion(&self) -> String {
        match self {
            // A shell would run what is in the rule's comment.
            Self::Line { program, table, chain, spec, number } if spec.contains(['$', '`']) => {
                format!("{program} -t {table} -D {chain} {number}")
            }
            Self::Line { program, table, chain, spec, .. } => {
                format!("{program} -t {table} -D {chain} {spec}")
            }
            Self::Handle { table, chain, handle } => {
                format!("nft delete rule {table} {chain} handle {handle}")
            }
        }
    }
}
