//! Tables of nf_tables, and the rules of their chains.

use cni_netlink::nftables::{
    ChainInfo, Expression, InstalledRule, RawElement, SetRef, Table, Verdict,
};

use super::machine::Machine;
use super::origin::Origin;
use super::packet::Packet;
use super::walk::{Action, Rule};
use crate::backend::MappingRules;

/// What sets contain, by their names.
pub(super) type Sets = Vec<(String, Contents)>;

/// What a set or map contains.
#[derive(Debug)]
pub(super) enum Contents {
    Elements(Vec<RawElement>),
    /// Whether a set of the port mapper contains the packet's key.
    Known(bool),
}

/// A table of nf_tables.
pub(in crate::cli) struct NftTable {
    pub(super) table: Table,
    /// Those at hooks.
    pub(super) chains: Vec<ChainInfo>,
    pub(super) rules: Vec<InstalledRule>,
    /// The sets that its rules name.
    pub(super) sets: Sets,
    /// The mapping's own rules, in the table of the port mapper.
    pub(super) own: Option<MappingRules>,
}

impl NftTable {
    /// Returns the name of a set to which an expression refers.
    pub(super) fn set_of(expression: &Expression) -> Option<&str> {
        match expression {
            Expression::Lookup { set: SetRef::Named(name), .. } => Some(name),
            _ => None,
        }
    }

    /// Returns the rules of a chain, with the packet's answers.
    pub(super) fn rules<'a>(&'a self, chain: &str, packet: &Packet) -> Vec<Rule<'a>> {
        let mut rules = Vec::new();
        let is_own = self.own.as_ref().is_some_and(|own| own.chain == chain);
        for rule in self.rules.iter().filter(|rule| rule.chain == chain) {
            let origin =
                Origin::Handle { table: &self.table, chain: &rule.chain, handle: rule.handle };
            let cases = Machine::new(packet, self.table.family).run(&rule.expressions, &self.sets);
            rules.extend(cases.into_iter().map(|(applies, action)| {
                let action = match action {
                    Action::Translate { .. } => Action::Translate { own: is_own },
                    action => action,
                };
                Rule { applies, action, origin }
            }));
        }
        rules
    }
}

impl Action {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Drop => Self::Drop,
            Verdict::Return => Self::Return,
            Verdict::Jump(chain) => Self::Jump(chain.clone()),
            Verdict::Goto(chain) => Self::Goto(chain.clone()),
            _ => Self::Unknown,
        }
    }
}
