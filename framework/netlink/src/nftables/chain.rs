//! Chains, regular ones and base chains with their hooks, and their rules.

use std::fmt;

use crate::nftables::expression::{Expression, are_equivalent};
use crate::nftables::statement::Statement;
use crate::nftables::table::Family;

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// The name, unique within the table.
    pub name: String,
    /// The hook of a base chain; `None` for a chain that is only entered by a jump or a goto.
    pub base: Option<BaseChain>,
    /// The comment, at most 128 bytes.
    pub comment: Option<String>,
}

/// The hook, type, priority and policy of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BaseChain {
    /// The type.
    pub kind: ChainType,
    /// The hook at which packets enter it.
    pub hook: Hook,
    /// The priority at the hook; lower is earlier. `dstnat` of nft is -100, `srcnat` is 100.
    pub priority: i32,
    /// The verdict on a packet that reaches the end of the chain.
    pub policy: Policy,
}

/// The type of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChainType {
    /// Filters packets.
    Filter,
    /// Translates addresses. Only the first packet of each flow traverses it.
    Nat,
    /// Filters packets that this host sends, which are routed again if it changes them.
    Route,
}

/// A hook in the packet path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// Before routing, for all received packets.
    Prerouting,
    /// For received packets to this host.
    Input,
    /// For forwarded packets.
    Forward,
    /// For packets sent by this host.
    Output,
    /// After routing, for all packets that leave.
    Postrouting,
    /// For packets that a device has received, before anything else.
    Ingress,
    /// For packets that a device is about to send, after everything else.
    Egress,
}

/// The verdict on a packet that reaches the end of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Accepts the packet.
    Accept,
    /// Drops the packet.
    Drop,
}

impl Chain {
    /// Returns a chain that is entered only from other chains.
    pub fn regular(name: impl Into<String>) -> Self {
        Self { name: name.into(), base: None, comment: None }
    }

    /// Returns a base chain.
    pub fn base(name: impl Into<String>, base: BaseChain) -> Self {
        Self { name: name.into(), base: Some(base), comment: None }
    }

    /// Sets the comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

impl BaseChain {
    /// Returns the properties of a base chain with the policy `accept`.
    pub fn new(kind: ChainType, hook: Hook, priority: i32) -> Self {
        Self { kind, hook, priority, policy: Policy::Accept }
    }

    /// Sets the policy.
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

impl fmt::Display for ChainType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        })
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
        })
    }
}

/// Writes nft's syntax: `type nat hook prerouting priority -100; policy accept;`.
impl fmt::Display for BaseChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, hook, priority, policy } = self;
        // Numbers, since nft accepts the name of a priority only at some hooks.
        write!(f, "type {kind} hook {hook} priority {priority}; policy {policy};")
    }
}

/// An existing chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainInfo {
    /// The name.
    pub name: String,
    /// The hook of a base chain; also `None` for a base chain that [`BaseChain`] can't represent.
    pub base: Option<BaseChain>,
    /// The devices of a base chain at the hook ingress or egress.
    pub devices: Vec<String>,
    /// The number of its rules, and of the rules and elements that jump to it.
    pub references: u32,
    /// The comment.
    pub comment: Option<String>,
}

/// A new rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The chain.
    pub chain: String,
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// The comment, for example to identify the rule; at most 128 bytes.
    pub comment: Option<String>,
}

impl Rule {
    /// Returns a rule without a comment.
    pub fn new(chain: impl Into<String>, statements: impl Into<Vec<Statement>>) -> Self {
        Self { chain: chain.into(), statements: statements.into(), comment: None }
    }

    /// Sets the comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

/// An installed rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstalledRule {
    /// The chain.
    pub chain: String,
    /// The handle, by which it is deleted.
    pub handle: u64,
    /// The expressions that the kernel executes.
    pub expressions: Vec<Expression>,
    /// The comment.
    pub comment: Option<String>,
}

impl InstalledRule {
    /// Reports whether it has the same effect and the same comment as `rule`, in a table of this
    /// family. The chains are not compared.
    pub fn is_equivalent_to(&self, rule: &Rule, family: Family) -> bool {
        self.comment == rule.comment && are_equivalent(&self.expressions, &rule.expressions(family))
    }
}
