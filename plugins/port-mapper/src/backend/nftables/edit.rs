//! A transaction in the making, beside the picture that it changes.

use std::collections::{BTreeMap, HashSet};

use cni_netlink::nftables::{Chain, Element, InstalledRule, Rule, Transaction, Value};

use super::branches::{self, Branch};
use super::entries::Entry;
use super::layout;
use super::own_rules::OwnRules;
use super::picture::{Picture, chain_of};
use super::places::{Map, Place};

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
        let has = |chain: &Chain| self.picture.rules.contains_key(&chain.name);
        // Those that lead to networks have no rules but theirs.
        if !chains.iter().filter(|chain| chain.base.is_some()).all(has) {
            for chain in &chains {
                self.transaction.add_chain(chain.clone());
            }
        }
        let needed = rules.iter().map(|rule| (true, rule));
        self.set_right(&OwnRules::new(needed));
        if guard {
            if !self.picture.rules.contains_key(layout::GUARD) {
                self.transaction.add_chain(layout::guard());
            }
            let rules = layout::guard_rules();
            self.set_right(&OwnRules::new(rules.iter().map(|rule| (true, rule))));
        }
    }

    /// Puts up whatever is missing of a network, for those of its maps that are in use.
    pub(super) fn branch(&mut self, branch: &Branch, used: &HashSet<Map>) {
        self.wanted = Some(branch.chain.to_string());
        let is_needed = |map: &Option<Map>| map.is_none_or(|map| used.contains(&map));
        let rules = branch.rules.iter().map(|(map, rule)| (is_needed(map), rule));
        let own = OwnRules::new(rules);
        let sets = self.picture.sets_of(&branch.chain);
        for map in branch.maps.iter().filter(|map| used.contains(map)) {
            if !sets.contains(&map.name(&branch.chain)) {
                self.transaction.add_set(&map.set(&branch.chain));
            }
        }
        for chain in own.chains().filter(|chain| !layout::is_standing(chain)) {
            if !self.picture.rules.contains_key(chain) {
                self.transaction.add_chain(Chain::regular(chain));
            }
        }
        self.devices(branch, sets.contains(&branches::devices_set(&branch.chain).name));
        self.set_right(&own);
    }

    fn devices(&mut self, branch: &Branch, has_set: bool) {
        let Some((set, keys)) = &branch.devices else { return };
        if !has_set {
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

    /// Makes those of the rules that are needed stand in their chains, in order.
    ///
    /// Only their order makes rules right: where it is not, none of them stays. Rules of others don't count.
    fn set_right(&mut self, own: &OwnRules<'_>) {
        for chain in own.chains() {
            let there = self.picture.rules.get(chain).map_or(&[][..], Vec::as_slice);
            let standing: Vec<(usize, &InstalledRule)> =
                there.iter().filter_map(|rule| Some((own.place(chain, rule)?, rule))).collect();
            let in_order = standing.is_sorted_by_key(|(place, _)| *place);
            let missing = own.missing(chain, &standing);
            let comes_last =
                missing.iter().all(|place| standing.last().is_none_or(|(last, _)| last < place));
            if in_order && comes_last {
                missing.into_iter().for_each(|place| self.add_rule(own, place));
                continue;
            }
            let mut places: Vec<usize> = standing.iter().map(|(place, _)| *place).collect();
            places.extend(missing);
            places.sort_unstable();
            places.dedup();
            for (_, rule) in standing {
                self.transaction.delete_rule(chain, rule.handle);
            }
            places.into_iter().for_each(|place| self.add_rule(own, place));
        }
    }

    fn add_rule(&mut self, own: &OwnRules<'_>, place: usize) {
        self.transaction.add_rule(own.rule(place).clone());
    }

    pub(super) fn delete(&mut self, place: &'a Place, element: &'a Element) {
        if self.deleted.insert(place) {
            self.transaction.delete_element(&place.set(), place.key.clone());
            self.leads(element.value.as_ref(), -1);
        }
    }

    /// Makes sure that there is the map of host ports, of which no rule tells.
    pub(super) fn ports(&mut self, map: Map) {
        if !self.picture.elements.keys().any(|place| place.map == map) {
            self.transaction.add_set(&map.set(""));
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
            jumps.contains(&rule.handle)
                || ours.iter().any(|own| rule.is_equivalent_to(own, family))
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
