//! A transaction in the making, beside the picture that it changes.

use std::collections::{BTreeMap, HashSet};

use netfilter::nftables::{Chain, Element, InstalledRule, Rule, Transaction, Value};

use super::branches::{self, Branch};
use super::entries::Entry;
use super::layout;
use super::picture::{Picture, chain_of};
use super::places::Place;

/// Collects changes, in the order in which the kernel can take them.
pub(super) struct Edit<'a> {
    picture: &'a Picture,
    transaction: Transaction,
    deleted: HashSet<&'a Place>,
    /// How many elements will lead to each network that was looked at.
    users: BTreeMap<&'a str, isize>,
    /// The network that is wanted, and so stays.
    wanted: Option<String>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(picture: &'a Picture) -> Self {
        let users = picture.users.iter();
        Self {
            picture,
            transaction: Transaction::on(layout::table()),
            deleted: HashSet::new(),
            users: users.map(|(branch, count)| (&**branch, *count as isize)).collect(),
            wanted: None,
        }
    }

    pub(super) fn finish(self) -> Transaction {
        self.transaction
    }

    /// Puts up whatever is missing of what always stands, and the guard where it is wanted.
    pub(super) fn stand(&mut self, guard: bool) {
        let (chains, rules) = (layout::chains(), layout::rules());
        if !self.picture.has_table {
            self.transaction.add_table();
        }
        let incomplete: Vec<&Chain> =
            chains.iter().filter(|chain| !self.is_complete(&chain.name, &rules)).collect();
        if !incomplete.is_empty() {
            for set in &layout::sets() {
                self.transaction.add_set(set);
            }
            for chain in &chains {
                self.transaction.add_chain(chain.clone());
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

    /// Puts up whatever is missing of a network.
    pub(super) fn branch(&mut self, branch: &Branch) {
        self.wanted = Some(branch.chain.to_string());
        let mut chains: Vec<&str> = branch.rules.iter().map(|rule| &*rule.chain).collect();
        chains.dedup();
        let incomplete: Vec<&str> =
            chains.into_iter().filter(|chain| !self.is_complete(chain, &branch.rules)).collect();
        if !incomplete.is_empty() {
            for map in &branch.maps {
                self.transaction.add_set(&map.set(&branch.chain));
            }
            self.transaction.add_chain(Chain::regular(&*branch.chain));
            let sources = branches::sources_chain(&branch.chain);
            if branch.rules.iter().any(|rule| rule.chain == sources) {
                self.transaction.add_chain(Chain::regular(sources));
            }
        }
        self.devices(branch, !incomplete.is_empty());
        for chain in incomplete {
            self.rewrite(chain, &branch.rules);
        }
    }

    fn devices(&mut self, branch: &Branch, is_incomplete: bool) {
        let Some((set, keys)) = &branch.devices else { return };
        if is_incomplete {
            self.transaction.add_set(set);
        }
        let there = self.picture.devices.get(&*branch.chain).map_or(&[][..], Vec::as_slice);
        for key in keys.iter().filter(|key| !there.contains(key)) {
            self.transaction.add_element(set, key.clone(), None, None);
        }
        for key in there.iter().filter(|key| !keys.contains(key)) {
            self.transaction.delete_element(set, key.clone());
        }
    }

    fn there(&self, chain: &str) -> &'a [InstalledRule] {
        self.picture.rules.get(chain).map_or(&[], Vec::as_slice)
    }

    /// Whether the chain has those of the rules that are its own, in this order. Rules of others don't count.
    fn is_complete(&self, chain: &str, rules: &[Rule]) -> bool {
        let mut there = self.there(chain).iter();
        let family = layout::table().family;
        let mut own = rules.iter().filter(|rule| rule.chain == chain).peekable();
        let is_there = self.picture.rules.contains_key(chain) || own.peek().is_none();
        is_there && own.all(|rule| there.any(|installed| installed.says(rule, family)))
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
        if self.deleted.insert(place) {
            self.transaction.delete_element(&place.set(), place.key.clone());
            self.leads(element.value.as_ref(), -1);
        }
    }

    pub(super) fn add(&mut self, entry: &Entry, tag: &str) {
        let (key, value) = (entry.place.key.clone(), entry.value.clone());
        self.transaction.add_element(&entry.place.set(), key, value, Some(tag.to_owned()));
        self.leads(entry.value.as_ref(), 1);
    }

    fn leads(&mut self, value: Option<&Value>, change: isize) {
        if let Some(count) = chain_of(value).and_then(|chain| self.users.get_mut(chain)) {
            *count += change;
        }
    }

    /// Removes the networks that nothing leads to any more.
    pub(super) fn prune(&mut self) {
        let is_unused = |(branch, count): (&&'a str, &isize)| {
            (*count <= 0 && self.wanted.as_deref() != Some(*branch)).then_some(*branch)
        };
        let unused: Vec<&str> = self.users.iter().filter_map(is_unused).collect();
        for branch in unused {
            self.users.remove(branch);
            self.fell(branch);
        }
    }

    fn fell(&mut self, branch: &'a str) {
        let sources = branches::sources_chain(branch);
        for chain in [branch, &sources] {
            let jumps: Vec<&InstalledRule> = self.picture.jumps_to(chain).collect();
            for jump in jumps {
                self.transaction.delete_rule(&*jump.chain, jump.handle);
            }
        }
        self.transaction.delete_chain(branch);
        if self.picture.rules.contains_key(&sources) {
            self.transaction.delete_chain(sources);
        }
        let mut sets: Vec<String> = self.picture.sets_of(branch).into_iter().collect();
        sets.sort_unstable();
        for set in sets {
            self.transaction.delete_set(set);
        }
    }

    /// Whether there will still be a network's chain with rules in it.
    pub(super) fn leaves_branches(&self) -> bool {
        let gone = |branch: &str| {
            self.picture.users.contains_key(branch) && !self.users.contains_key(branch)
        };
        let mut branches = self.picture.rules.keys().filter_map(|chain| branches::branch_of(chain));
        branches.any(|branch| !gone(branch))
    }

    /// Whether there will still be elements, as far as the picture shows.
    pub(super) fn leaves_elements(&self) -> bool {
        self.deleted.len() < self.picture.elements.len()
    }

    /// Whether somebody put rules of their own into the table.
    pub(super) fn has_foreign_rules(&self) -> bool {
        let ours: Vec<Rule> = layout::rules().into_iter().chain(layout::guard_rules()).collect();
        let family = layout::table().family;
        let jumps: HashSet<u64> = self
            .picture
            .users
            .keys()
            .flat_map(|branch| [branch.clone(), branches::sources_chain(branch)])
            .flat_map(|chain| {
                self.picture.jumps_to(&chain).map(|jump| jump.handle).collect::<Vec<_>>()
            })
            .collect();
        let is_ours = |rule: &InstalledRule| {
            jumps.contains(&rule.handle) || ours.iter().any(|own| rule.says(own, family))
        };
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
