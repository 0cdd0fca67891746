//! A transaction in the making, beside the picture that it changes.

use std::collections::{HashMap, HashSet};

use netfilter::nftables::{Chain, Element, InstalledRule, Rule, Transaction, Value};

use super::branches::{self, Branch};
use super::entries::{Entry, Place};
use super::layout::{self, Maps};
use super::picture::{Picture, chain_of};

/// Collects changes, in the order in which the kernel can take them.
pub(super) struct Edit<'a> {
    picture: &'a Picture,
    maps: &'a Maps,
    transaction: Transaction,
    deleted: HashSet<&'a Place>,
    /// Rules and elements that lead to a chain, as it will be.
    references: HashMap<&'a str, isize>,
    /// Chains that are wanted, and so stay whatever leads to them.
    wanted: HashSet<String>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(picture: &'a Picture, maps: &'a Maps) -> Self {
        let references = picture.references.iter();
        Self {
            picture,
            maps,
            transaction: Transaction::on(layout::table()),
            deleted: HashSet::new(),
            references: references.map(|(chain, count)| (&**chain, *count as isize)).collect(),
            wanted: HashSet::new(),
        }
    }

    pub(super) fn finish(self) -> Transaction {
        self.transaction
    }

    /// Puts up whatever is missing of what always stands, and the guard where it is wanted.
    pub(super) fn stand(&mut self, guard: bool) {
        let rules = layout::rules();
        if !self.picture.has_table {
            self.transaction.add_table();
        }
        let chains = layout::chains();
        let incomplete: Vec<&Chain> =
            chains.iter().filter(|chain| !self.is_complete(&chain.name, &rules)).collect();
        if !incomplete.is_empty() {
            for chain in &chains {
                self.transaction.add_chain(chain.clone());
            }
            for set in self.maps.all() {
                self.transaction.add_set(set);
            }
            for chain in incomplete {
                self.rewrite(&chain.name, &rules);
            }
        }
        let guard_rules = layout::guard_rules();
        if guard && !self.is_complete(layout::GUARD, &guard_rules) {
            self.transaction.add_chain(layout::guard());
            self.rewrite(layout::GUARD, &guard_rules);
        }
    }

    /// Puts up whatever is missing of a branch.
    pub(super) fn branch(&mut self, branch: &Branch) {
        self.wanted.insert(branch.chain.clone());
        let is_complete = self.is_complete(&branch.chain, &branch.rules);
        if !is_complete {
            self.transaction.add_chain(Chain::regular(&branch.chain));
        }
        if let Some((set, keys)) = &branch.devices {
            if !is_complete {
                self.transaction.add_set(set);
            }
            let there = self.picture.devices.get(&branch.chain).map_or(&[][..], Vec::as_slice);
            for key in keys.iter().filter(|key| !there.contains(key)) {
                self.transaction.add_element(set, key.clone(), None, None);
            }
            for key in there.iter().filter(|key| !keys.contains(key)) {
                self.transaction.delete_element(set, key.clone());
            }
        }
        if !is_complete {
            self.rewrite(&branch.chain, &branch.rules);
        }
    }

    fn there(&self, chain: &str) -> &'a [InstalledRule] {
        self.picture.rules.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Whether the chain has these of the rules that are its own, in this order. Rules of others don't count.
    fn is_complete(&self, chain: &str, rules: &[Rule]) -> bool {
        let mut there = self.there(chain).iter();
        let family = layout::table().family;
        let mut own = rules.iter().filter(|rule| rule.chain == chain);
        own.all(|rule| there.any(|installed| installed.says(rule, family)))
    }

    /// Only their order makes rules right: so none of them stays where it is.
    fn rewrite(&mut self, chain: &str, rules: &[Rule]) {
        let family = layout::table().family;
        let own: Vec<&Rule> = rules.iter().filter(|rule| rule.chain == chain).collect();
        for installed in self.there(chain) {
            if own.iter().any(|rule| installed.says(rule, family)) {
                self.transaction.delete_rule(chain, installed.handle);
            }
        }
        for rule in own {
            self.transaction.add_rule(rule.clone());
        }
    }

    pub(super) fn delete(&mut self, place: &'a Place, element: &'a Element) {
        self.deleted.insert(place);
        self.transaction.delete_element(self.maps.get(place.map, place.family), place.key.clone());
        self.leads(element.value.as_ref(), -1);
    }

    pub(super) fn add(&mut self, entry: &Entry, tag: &str) {
        let set = self.maps.get(entry.place.map, entry.place.family);
        let value = Some(entry.value.clone());
        self.transaction.add_element(set, entry.place.key.clone(), value, Some(tag.to_owned()));
        self.leads(Some(&entry.value), 1);
    }

    fn leads(&mut self, value: Option<&Value>, change: isize) {
        if let Some(count) = chain_of(value).and_then(|chain| self.references.get_mut(chain)) {
            *count += change;
        }
    }

    /// Removes the branches that nothing leads to any more.
    pub(super) fn prune(&mut self) {
        let mut unused: Vec<&str> = self
            .references
            .iter()
            .filter(|(chain, count)| **count <= 0 && !self.wanted.contains(**chain))
            .map(|(chain, _)| *chain)
            .collect();
        unused.sort_unstable();
        for chain in unused {
            self.references.remove(chain);
            self.transaction.delete_chain(chain);
            if self.picture.devices.get(chain).is_some_and(|devices| !devices.is_empty()) {
                self.transaction.delete_set(&branches::devices(chain).name);
            }
        }
    }

    /// Whether there will still be a network's or a subnet's chain.
    pub(super) fn leaves_branches(&self) -> bool {
        !self.references.is_empty()
    }

    /// Whether there will still be elements, as far as the picture shows.
    pub(super) fn leaves_elements(&self) -> bool {
        self.deleted.len() < self.picture.elements.len()
    }

    /// Whether somebody put rules of their own into the table.
    pub(super) fn has_foreign_rules(&self) -> bool {
        let ours: Vec<Rule> = layout::rules().into_iter().chain(layout::guard_rules()).collect();
        let family = layout::table().family;
        let is_ours = |rule: &InstalledRule| ours.iter().any(|own| rule.says(own, family));
        let mut standing =
            self.picture.rules.iter().filter(|(chain, _)| layout::is_standing(chain));
        standing.any(|(_, rules)| !rules.iter().all(is_ours))
    }

    /// In place of all the rest.
    pub(super) fn delete_table(self) -> Transaction {
        let mut transaction = Transaction::on(layout::table());
        transaction.delete_table();
        transaction
    }
}
