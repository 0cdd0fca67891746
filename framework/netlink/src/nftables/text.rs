//! Transactions, chains, rules and statements in nft's syntax.

use std::fmt::{self, Display};

use crate::nftables::chain::Chain;
use crate::nftables::chain::Rule;
use crate::nftables::data::{Field, concatenation};
use crate::nftables::statement::{Op, Operand, Selector, SetRef, Statement};
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::uapi::IPV6;

impl Transaction {
    /// Returns one of its operations in nft's syntax: `add element inet filter ports { tcp . 22 }`.
    pub fn show(&self, operation: &Operation) -> String {
        format!("{} {}", operation.verb(), self.show_object(operation))
    }

    /// Returns the operation without the verb.
    fn show_object(&self, operation: &Operation) -> String {
        let table = &self.table;
        match operation {
            Operation::AddTable { comment: None } | Operation::DeleteTable => {
                format!("table {table}")
            }
            Operation::AddTable { comment: Some(comment) } => {
                format!("table {table} {{ comment \"{comment}\"; }}")
            }
            Operation::AddChain(chain) => format!("chain {table} {chain}"),
            Operation::DeleteChain(name) | Operation::FlushChain(name) => {
                format!("chain {table} {name}")
            }
            Operation::AddRule(rule) | Operation::InsertRule(rule) => {
                format!("rule {table} {rule}")
            }
            Operation::DeleteRule { chain, handle } => {
                format!("rule {table} {chain} handle {handle}")
            }
            Operation::AddSet(set) => format!("{} {table} {} {{ {set} }}", set.noun(), set.name),
            Operation::DeleteSet(name) => format!("set {table} {name}"),
            Operation::AddElement(element) | Operation::DeleteElement(element) => {
                format!("element {table} {} {{ {element} }}", element.set)
            }
        }
    }

    /// Returns the object of an operation for error messages, without lengthy definitions.
    pub(super) fn name(&self, operation: &Operation) -> String {
        let table = &self.table;
        match operation {
            Operation::AddTable { .. } => format!("table {table}"),
            Operation::AddChain(chain) => format!("chain {table} {}", chain.name),
            Operation::AddSet(set) => format!("{} {table} {}", set.noun(), set.name),
            Operation::AddElement(element) => {
                format!("element {table} {} {{ {} }}", element.set, element.key)
            }
            _ => self.show_object(operation),
        }
    }
}

impl Operation {
    /// Returns nft's verb for the operation.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::AddTable { .. }
            | Self::AddChain(_)
            | Self::AddRule(_)
            | Self::AddSet(_)
            | Self::AddElement(_) => "add",
            Self::InsertRule(_) => "insert",
            Self::FlushChain(_) => "flush",
            Self::DeleteTable
            | Self::DeleteChain(_)
            | Self::DeleteRule { .. }
            | Self::DeleteSet(_)
            | Self::DeleteElement(_) => "delete",
        }
    }
}

/// Writes input of `nft -f`, one operation per line.
impl Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operations.iter().try_for_each(|operation| writeln!(f, "{}", self.show(operation)))
    }
}

/// Writes `prerouting { type nat hook prerouting priority -100; policy accept; }`.
impl Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.base, &self.comment) {
            (None, None) => Ok(()),
            (Some(base), None) => write!(f, " {{ {base} }}"),
            (None, Some(comment)) => write!(f, " {{ comment \"{comment}\"; }}"),
            (Some(base), Some(comment)) => write!(f, " {{ {base} comment \"{comment}\"; }}"),
        }
    }
}

/// Writes the chain and the statements: `hostports meta l4proto . th dport vmap @ports`.
impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain)?;
        self.statements.iter().try_for_each(|statement| write!(f, " {statement}"))?;
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, " comment \"{comment}\""))
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match { left, op, right } => {
                write!(f, "{left} {}{}", negation(*op == Op::Ne), Compared(*left, right))
            }
            Self::FibDaddrLocal => f.write_str("fib daddr type local"),
            Self::CtStatusDnat => f.write_str("ct status dnat"),
            Self::InSet { left, negated, set } => {
                concatenation(f, left)?;
                write!(f, " {}{set}", negation(*negated))
            }
            Self::VerdictMap { left, map } => {
                concatenation(f, left)?;
                write!(f, " vmap @{map}")
            }
            Self::Dnat { family, left, map, .. } => {
                write!(f, "dnat {family} to ")?;
                concatenation(f, left)?;
                write!(f, " map @{map}")
            }
            Self::Masquerade => f.write_str("masquerade"),
            Self::CtState(states) => {
                let mut states = states.clone();
                states.sort_unstable();
                states.dedup();
                let states: Vec<String> = states.iter().map(ToString::to_string).collect();
                write!(f, "ct state {}", states.join(","))
            }
            Self::Counter => f.write_str("counter"),
            Self::Limit(limit) => limit.fmt(f),
            Self::Log(log) => log.fmt(f),
            Self::Reject(reject) => reject.fmt(f),
            Self::Verdict(verdict) => verdict.fmt(f),
            Self::Raw { text, .. } => f.write_str(text),
        }
    }
}

fn negation(negated: bool) -> &'static str {
    if negated { "!= " } else { "" }
}

impl Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iifname => "iifname",
            Self::Oifname => "oifname",
            Self::NfProto => "meta nfproto",
            Self::L4Proto => "meta l4proto",
            Self::IpSaddr => "ip saddr",
            Self::IpDaddr => "ip daddr",
            Self::Ip6Saddr => "ip6 saddr",
            Self::Ip6Daddr => "ip6 daddr",
            Self::ThSport => "th sport",
            Self::ThDport => "th dport",
            Self::CtOriginalIpDaddr => "ct original ip daddr",
            Self::CtOriginalIp6Daddr => "ct original ip6 daddr",
            Self::CtOriginalProtoDst => "ct original proto-dst",
        })
    }
}

/// Displays the operand of a match. A number is displayed as an address family after `meta nfproto`
/// and as a protocol otherwise.
struct Compared<'a>(Selector, &'a Operand);

impl Display for Compared<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Selector::NfProto, Operand::Value(Field::Proto(IPV6))) => f.write_str("ipv6"),
            (Selector::NfProto, _) => f.write_str("ipv4"),
            (_, Operand::Value(field)) => field.fmt(f),
            (_, Operand::Prefix(field, bits)) => write!(f, "{field}/{bits}"),
        }
    }
}

impl Display for SetRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "@{name}"),
            Self::Anonymous(fields) => {
                let fields: Vec<String> = fields.iter().map(Field::to_string).collect();
                write!(f, "{{ {} }}", fields.join(", "))
            }
        }
    }
}
