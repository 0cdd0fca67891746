//! The content of tables, and queries of it.

use std::collections::BTreeMap;

use crate::nftables::chain::{Chain, ChainInfo};
use crate::nftables::chain::{InstalledRule, Rule};
use crate::nftables::data::{Value, Verdict};
use crate::nftables::expression::Expression;
use crate::nftables::set::{Element, Set};
use crate::nftables::statement::SetRef;
use crate::nftables::table::{Family, Table, TableInfo};

pub(super) type Tables = BTreeMap<Table, Contents>;

/// The content of a table.
#[derive(Clone)]
pub(super) struct Contents {
    pub(super) family: Family,
    pub(super) comment: Option<String>,
    pub(super) chains: BTreeMap<String, StoredChain>,
    pub(super) sets: BTreeMap<String, StoredSet>,
    /// The last handle that was assigned.
    pub(super) handle: u64,
}

#[derive(Clone)]
pub(super) struct StoredChain {
    /// The handle, which reflects the order in which chains were added and are listed.
    pub(super) handle: u64,
    pub(super) chain: Chain,
    pub(super) rules: Vec<StoredRule>,
}

#[derive(Clone)]
pub(super) struct StoredRule {
    pub(super) handle: u64,
    pub(super) rule: Rule,
    pub(super) expressions: Vec<Expression>,
}

#[derive(Clone)]
pub(super) struct StoredSet {
    pub(super) set: Set,
    /// The elements in the order in which they were added.
    pub(super) elements: Vec<Element>,
}

impl Contents {
    pub(super) fn new(family: Family, comment: Option<String>) -> Self {
        Self { family, comment, chains: BTreeMap::new(), sets: BTreeMap::new(), handle: 0 }
    }

    pub(super) fn next_handle(&mut self) -> u64 {
        self.handle += 1;
        self.handle
    }

    /// Returns what the kernel reports. Anonymous sets don't count once they are bound to a rule.
    pub(super) fn info(&self) -> TableInfo {
        let objects = count(self.chains.len() + self.sets.len());
        TableInfo { objects, comment: self.comment.clone() }
    }

    pub(super) fn chain_info(&self, name: &str) -> Option<ChainInfo> {
        self.chains.get(name).map(|stored| self.info_of(stored))
    }

    pub(super) fn chain_infos(&self) -> Vec<ChainInfo> {
        self.chains_in_order().into_iter().map(|stored| self.info_of(stored)).collect()
    }

    pub(super) fn rules(&self) -> Vec<InstalledRule> {
        let rules_of = |stored: &StoredChain| {
            stored.rules.iter().map(StoredRule::installed).collect::<Vec<_>>()
        };
        self.chains_in_order().into_iter().flat_map(rules_of).collect()
    }

    pub(super) fn chains_in_order(&self) -> Vec<&StoredChain> {
        let mut chains: Vec<&StoredChain> = self.chains.values().collect();
        chains.sort_by_key(|stored| stored.handle);
        chains
    }

    fn info_of(&self, stored: &StoredChain) -> ChainInfo {
        let Chain { name, base, comment } = stored.chain.clone();
        let references = count(stored.rules.len() + self.jumps_to(&name));
        ChainInfo { name, base, devices: Vec::new(), references, comment }
    }

    /// Returns the number of rules and elements that jump to a chain.
    pub(super) fn jumps_to(&self, chain: &str) -> usize {
        let rules = self.expressions().filter_map(|expression| match expression {
            Expression::Verdict(verdict) => target(verdict),
            _ => None,
        });
        let elements = self.sets.values().flat_map(StoredSet::targets);
        rules.chain(elements).filter(|target| *target == chain).count()
    }

    /// Reports whether a rule refers to a set.
    pub(super) fn is_referenced(&self, set: &str) -> bool {
        self.expressions().any(|expression| {
            matches!(expression, Expression::Lookup { set: SetRef::Named(name), .. } if name == set)
        })
    }

    fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let rules = self.chains.values().flat_map(|stored| &stored.rules);
        rules.flat_map(|rule| &rule.expressions)
    }
}

impl StoredRule {
    fn installed(&self) -> InstalledRule {
        InstalledRule {
            chain: self.rule.chain.clone(),
            handle: self.handle,
            expressions: self.expressions.clone(),
            comment: self.rule.comment.clone(),
        }
    }
}

impl StoredSet {
    /// Returns the chains to which its elements jump.
    pub(super) fn targets(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().filter_map(|element| match &element.value {
            Some(Value::Verdict(verdict)) => target(verdict),
            _ => None,
        })
    }
}

/// Returns the chain to which a verdict jumps.
pub(super) fn target(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain),
        _ => None,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
