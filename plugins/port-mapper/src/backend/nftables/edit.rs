//! Builds a transaction from the observed state.

use std::collections::{BTreeMap, HashSet};

use cni_netlink::nftables::{Chain, Element, InstalledRule, Rule, Transaction, Value};

use super::desired::{Desired, DesiredElement};
use super::layout;
use super::maps::{ElementId, Map};
use super::network::{Network, devices_set, network_of, sources_chain};
use super::observed::{Observed, target_chain};
use super::own_rules::OwnRules;
use crate::ordered;

/// Collects changes, in an order in which the kernel accepts them.
pub(super) struct Edit<'a> {
    observed: &'a Observed,
    transaction: Transaction,
    deleted: HashSet<&'a ElementId>,
    /// The number of elements that will lead to each network in the scope.
    references: BTreeMap<&'a str, isize>,
    /// The desired network, which is not removed.
    desired: Option<String>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(observed: &'a Observed) -> Self {
        let references = observed.references.iter();
        Self {
            observed,
            transaction: Transaction::new(layout::table()),
            deleted: HashSet::new(),
            references: ordered::map(references.map(|(name, count)| (&**name, *count as isize))),
            desired: None,
        }
    }

    pub(super) fn finish(self) -> Transaction {
        self.transaction
    }

    /// Adds what is missing of the chains, sets and rules that the desired elements need.
    pub(super) fn ensure_rules(&mut self, desired: &Desired) {
        self.ensure_shared(desired.guard);
        let used = desired.elements.iter().map(|element| element.id.map).collect();
        self.ensure_network(&desired.network, &used);
    }

    /// Adds what is missing of the guard.
    pub(super) fn ensure_guard(&mut self) {
        self.ensure_table();
        self.add_guard();
    }

    fn ensure_table(&mut self) {
        if !self.observed.has_table {
            self.transaction.add_table();
        }
    }

    fn add_guard(&mut self) {
        if !self.observed.rules.contains_key(layout::GUARD) {
            self.transaction.add_chain(layout::guard_chain());
        }
        let rules = layout::guard_rules();
        self.reconcile_rules(&OwnRules::new(rules.iter().map(|rule| (true, rule))));
    }

    fn ensure_shared(&mut self, guard: bool) {
        let (chains, rules) = (layout::shared_chains(), layout::shared_rules());
        self.ensure_table();
        let has = |chain: &Chain| self.observed.rules.contains_key(&chain.name);
        // The chains that jump to networks have no other rules, so they may be empty.
        if !chains.iter().filter(|chain| chain.base.is_some()).all(has) {
            for chain in &chains {
                self.transaction.add_chain(chain.clone());
            }
        }
        self.reconcile_rules(&OwnRules::new(rules.iter().map(|rule| (true, rule))));
        if guard {
            self.add_guard();
        }
    }

    /// Adds what is missing of a network, for the maps that are used.
    fn ensure_network(&mut self, network: &Network, used: &HashSet<Map>) {
        self.desired = Some(network.chain.to_string());
        let is_needed = |map: &Option<Map>| map.is_none_or(|map| used.contains(&map));
        let rules = network.rules.iter().map(|(map, rule)| (is_needed(map), rule));
        let own = OwnRules::new(rules);
        let sets = self.observed.sets_of(&network.chain);
        for map in network.maps.iter().filter(|map| used.contains(map)) {
            if !sets.contains(&map.name(&network.chain)) {
                self.transaction.add_set(&map.set(&network.chain));
            }
        }
        for chain in own.chains().filter(|chain| !layout::is_shared(chain)) {
            if !self.observed.rules.contains_key(chain) {
                self.transaction.add_chain(Chain::regular(chain));
            }
        }
        self.reconcile_devices(network, sets.contains(&devices_set(&network.chain).name));
        self.reconcile_rules(&own);
    }

    fn reconcile_devices(&mut self, network: &Network, has_set: bool) {
        let Some((set, keys)) = &network.devices else { return };
        if !has_set {
            self.transaction.add_set(set);
        }
        let existing = self.observed.devices.get(&*network.chain).map_or(&[][..], Vec::as_slice);
        for key in keys.iter().filter(|key| !existing.contains(key)) {
            self.transaction.add_element(set, key.clone(), None, None);
        }
        for key in existing.iter().filter(|key| !keys.contains(key)) {
            self.transaction.delete_element(set, key.clone());
        }
    }

    /// Makes the chains contain the needed rules in their order.
    ///
    /// If a missing rule can't be appended, all of our rules are deleted and added again. Rules of
    /// other programs are ignored.
    fn reconcile_rules(&mut self, own: &OwnRules<'_>) {
        for chain in own.chains() {
            let existing = self.observed.rules.get(chain).map_or(&[][..], Vec::as_slice);
            let installed: Vec<(usize, &InstalledRule)> = existing
                .iter()
                .filter_map(|rule| Some((own.index_of(chain, rule)?, rule)))
                .collect();
            let in_order = installed.is_sorted_by_key(|(index, _)| *index);
            let missing = own.missing(chain, &installed);
            let comes_last =
                missing.iter().all(|index| installed.last().is_none_or(|(last, _)| last < index));
            if in_order && comes_last {
                missing.into_iter().for_each(|index| self.add_rule(own, index));
                continue;
            }
            let mut all: Vec<usize> = installed.iter().map(|(index, _)| *index).collect();
            all.extend(missing);
            all.sort_unstable();
            all.dedup();
            for (_, rule) in installed {
                self.transaction.delete_rule(chain, rule.handle);
            }
            all.into_iter().for_each(|index| self.add_rule(own, index));
        }
    }

    fn add_rule(&mut self, own: &OwnRules<'_>, index: usize) {
        self.transaction.add_rule(own.rule(index).clone());
    }

    pub(super) fn delete(&mut self, id: &'a ElementId, element: &'a Element) {
        if self.deleted.insert(id) {
            self.transaction.delete_element(&id.set(), id.key.clone());
            self.count_reference(element.value.as_ref(), -1);
        }
    }

    /// Adds the map of host ports, unless an element shows that it exists: no rule refers to it.
    pub(super) fn ensure_ports_map(&mut self, map: Map) {
        if !self.observed.elements.keys().any(|id| id.map == map) {
            self.transaction.add_set(&map.set(""));
        }
    }

    pub(super) fn add(&mut self, element: &DesiredElement, tag: &str) {
        let (key, value) = (element.id.key.clone(), element.value.clone());
        self.transaction.add_element(&element.id.set(), key, value, Some(tag.to_owned()));
        self.count_reference(element.value.as_ref(), 1);
    }

    fn count_reference(&mut self, value: Option<&Value>, change: isize) {
        if let Some(count) = target_chain(value).and_then(|chain| self.references.get_mut(chain)) {
            *count += change;
        }
    }

    /// Removes the networks that no element leads to any more.
    pub(super) fn remove_unused_networks(&mut self) {
        let is_unused = |(name, count): (&&'a str, &isize)| {
            (*count <= 0 && self.desired.as_deref() != Some(*name)).then_some(*name)
        };
        let unused: Vec<&str> = self.references.iter().filter_map(is_unused).collect();
        for network in unused {
            self.references.remove(network);
            self.remove_network(network);
        }
    }

    fn remove_network(&mut self, network: &'a str) {
        let sources = sources_chain(network);
        for chain in [network, &sources] {
            let jumps: Vec<&InstalledRule> = self.observed.jumps_to(chain).collect();
            for jump in jumps {
                self.transaction.delete_rule(&*jump.chain, jump.handle);
            }
        }
        self.transaction.delete_chain(network);
        if self.observed.rules.contains_key(&sources) {
            self.transaction.delete_chain(sources);
        }
        let mut sets: Vec<String> = self.observed.sets_of(network).into_iter().collect();
        sets.sort_unstable();
        for set in sets {
            self.transaction.delete_set(set);
        }
    }

    /// Reports whether a network's chain with rules remains.
    pub(super) fn leaves_networks(&self) -> bool {
        let is_removed = |name: &str| {
            self.observed.references.contains_key(name) && !self.references.contains_key(name)
        };
        let mut networks = self.observed.rules.keys().filter_map(|chain| network_of(chain));
        networks.any(|name| !is_removed(name))
    }

    /// Reports whether an observed element remains.
    pub(super) fn leaves_elements(&self) -> bool {
        self.deleted.len() < self.observed.elements.len()
    }

    /// Reports whether the shared chains contain rules of other programs.
    pub(super) fn has_foreign_rules(&self) -> bool {
        let ours: Vec<Rule> =
            layout::shared_rules().into_iter().chain(layout::guard_rules()).collect();
        let family = layout::table().family;
        let jumps: HashSet<u64> = self
            .observed
            .references
            .keys()
            .flat_map(|network| [network.clone(), sources_chain(network)])
            .flat_map(|chain| {
                self.observed.jumps_to(&chain).map(|jump| jump.handle).collect::<Vec<_>>()
            })
            .collect();
        let is_ours = |rule: &InstalledRule| {
            jumps.contains(&rule.handle)
                || ours.iter().any(|own| rule.is_equivalent_to(own, family))
        };
        let mut shared = self.observed.rules.iter().filter(|(chain, _)| layout::is_shared(chain));
        shared.any(|(_, rules)| !rules.iter().all(is_ours))
    }

    /// Replaces all changes by the deletion of the table.
    pub(super) fn delete_table(self) -> Transaction {
        let mut transaction = Transaction::new(layout::table());
        transaction.delete_table();
        transaction
    }
}
