//! Chains: regular ones, and base chains with their hooks.

use std::fmt;

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// Its name, unique within the table.
    pub name: String,
    /// Where packets enter it; `None`: only by a jump or a goto.
    pub base: Option<BaseChain>,
    /// For people; at most 128 bytes.
    pub comment: Option<String>,
}

/// Where packets enter a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BaseChain {
    /// What it may do.
    pub kind: ChainType,
    /// At which point of a packet's way.
    pub hook: Hook,
    /// In which order at that point: lower is earlier. nft's `dstnat` is -100, its `srcnat` 100.
    pub priority: i32,
    /// What becomes of a packet that reaches the chain's end.
    pub policy: Policy,
}

/// What a base chain may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChainType {
    /// Let pass or not.
    Filter,
    /// Translate addresses: it sees the first packet of each flow only.
    Nat,
}

/// A point of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hook {
    /// Just received.
    Prerouting,
    /// Received, for this host.
    Input,
    /// Received, for another host.
    Forward,
    /// Sent by this host.
    Output,
    /// About to leave.
    Postrouting,
}

/// What becomes of a packet that reaches a base chain's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It goes on.
    Accept,
    /// It is dropped.
    Drop,
}

impl Chain {
    /// A chain that packets enter only from other chains.
    pub fn regular(name: impl Into<String>) -> Self {
        Self { name: name.into(), base: None, comment: None }
    }

    /// A chain that packets enter by themselves.
    pub fn base(name: impl Into<String>, base: BaseChain) -> Self {
        Self { name: name.into(), base: Some(base), comment: None }
    }

    /// Adds a comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }
}

impl BaseChain {
    /// Returns the hook of a base chain whose policy is to accept.
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

/// As nft spells it: `type nat hook prerouting priority -100; policy accept;`.
impl fmt::Display for BaseChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, hook, priority, policy } = self;
        // Numbers, since nft knows each priority's name only at some hooks.
        write!(f, "type {kind} hook {hook} priority {priority}; policy {policy};")
    }
}

/// What the kernel knows of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainInfo {
    /// Its name.
    pub name: String,
    /// Where packets enter it. `None` also for a base chain of a sort that [`BaseChain`] cannot tell.
    pub base: Option<BaseChain>,
    /// How many rules it has, and how many rules and elements lead to it.
    pub references: u32,
    /// For people.
    pub comment: Option<String>,
}
