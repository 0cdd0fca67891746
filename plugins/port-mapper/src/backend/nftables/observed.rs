//! The observed state of the table.
//!
//! It is read at one generation of the ruleset, and what is decided from it is committed at that
//! generation only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use cni_netlink::Error;
use cni_netlink::nftables::{
    Element, Expression, Generation, InstalledRule, Key, Ruleset, Set, SetRef, Value, Verdict,
};
use indexmap::IndexMap;

use super::layout;
use super::maps::{ElementId, Keys, Map, Role};
use super::network::{devices_set, network_of, sources_chain};
use super::scope::Scope;
use crate::family::Family;

/// The table, as far as it is in the scope.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// The generation at which the ruleset was read.
    pub(super) generation: Option<Generation>,
    pub(super) has_table: bool,
    /// Whether it contains all elements.
    pub(super) is_complete: bool,
    /// The rules of each chain that has any, in order.
    pub(super) rules: HashMap<String, Vec<InstalledRule>>,
    pub(super) elements: IndexMap<ElementId, Element>,
    /// The number of elements that lead to each network in the scope.
    pub(super) references: BTreeMap<String, usize>,
    /// The excluded devices of each network in the scope.
    pub(super) devices: HashMap<String, Vec<Key>>,
}

impl Observed {
    /// Reads the table. The generation comes first, so that any later change makes it stale.
    pub(super) fn read(kernel: &mut impl Ruleset, scope: &Scope) -> Result<Self, Error> {
        let table = layout::table();
        let mut observed = Self { generation: Some(kernel.generation()?), ..Self::default() };
        observed.has_table = kernel.table(&table)?.is_some();
        observed.is_complete = !observed.has_table || *scope == Scope::All;
        if !observed.has_table {
            return Ok(observed);
        }
        for rule in kernel.rules(&table)? {
            observed.rules.entry(rule.chain.clone()).or_default().push(rule);
        }
        match scope {
            Scope::All => observed.read_all(kernel)?,
            Scope::Some { network, elements, maps } => {
                observed.read_network(kernel, network)?;
                observed.look_up(kernel, elements)?;
                for (network, map) in maps {
                    observed.list(kernel, network, *map)?;
                }
            }
        }
        Ok(observed)
    }

    fn read_all(&mut self, kernel: &mut impl Ruleset) -> Result<(), Error> {
        for family in Family::ALL {
            for keys in Keys::ALL {
                self.list(kernel, &"".into(), Map { role: Role::Ports, keys, family })?;
            }
        }
        for network in self.networks() {
            self.read_network(kernel, &network)?;
            for map in Map::of_a_network() {
                self.list(kernel, &network, map)?;
            }
        }
        Ok(())
    }

    /// Returns the networks that have rules, or elements that lead to them.
    fn networks(&self) -> HashSet<Rc<str>> {
        let with_rules = self.rules.keys().filter_map(|chain| network_of(chain));
        let with_elements =
            self.elements.values().filter_map(|element| target_chain(element.value.as_ref()));
        with_rules.chain(with_elements).map(Rc::from).collect()
    }

    fn read_network(&mut self, kernel: &mut impl Ruleset, network: &str) -> Result<(), Error> {
        let table = layout::table();
        let Some(info) = kernel.chain(&table, network)? else { return Ok(()) };
        // The kernel counts the chain's rules and the jumps to it, too.
        let rules = self.rules.get(network).map_or(0, Vec::len) + self.jumps_to(network).count();
        let references = (info.references as usize).saturating_sub(rules);
        self.references.insert(network.to_owned(), references);
        let devices = devices_set(network);
        if self.sets_of(network).contains(&devices.name) {
            let keys = kernel.elements(&table, &devices)?.into_iter().map(|element| element.key);
            self.devices.insert(network.to_owned(), keys.collect());
        }
        Ok(())
    }

    /// Reports whether the guard exists, perhaps not as a whole.
    pub(super) fn has_guard_chain(&self) -> bool {
        self.rules.contains_key(layout::GUARD)
    }

    /// Returns the rules that jump to a network's chain.
    pub(super) fn jumps_to(&self, chain: &str) -> impl Iterator<Item = &InstalledRule> {
        let dispatch = [layout::HOST_PORTS, layout::SOURCES];
        let rules = dispatch.into_iter().filter_map(|chain| self.rules.get(chain)).flatten();
        rules.filter(move |rule| {
            let is_jump = |expression: &Expression| {
                matches!(expression, Expression::Verdict(Verdict::Jump(to)) if to == chain)
            };
            rule.expressions.iter().any(is_jump)
        })
    }

    /// Returns the sets that rules of a network refer to.
    pub(super) fn sets_of(&self, network: &str) -> HashSet<String> {
        let chains = [network.to_owned(), sources_chain(network)];
        let rules = chains.iter().filter_map(|chain| self.rules.get(chain)).flatten();
        let expressions = rules.flat_map(|rule| &rule.expressions);
        let named = expressions.filter_map(|expression| match expression {
            Expression::Lookup { set: SetRef::Named(name), .. } => Some(name.clone()),
            _ => None,
        });
        named.collect()
    }

    fn look_up(&mut self, kernel: &mut impl Ruleset, ids: &[ElementId]) -> Result<(), Error> {
        let sets: Vec<Set> = ids.iter().map(ElementId::set).collect();
        let keys: Vec<(&Set, Key)> =
            sets.iter().zip(ids).map(|(set, id)| (set, id.key.clone())).collect();
        for (id, element) in ids.iter().zip(kernel.find(&layout::table(), &keys)?) {
            self.elements.extend(element.map(|element| (id.clone(), element)));
        }
        Ok(())
    }

    fn list(
        &mut self,
        kernel: &mut impl Ruleset,
        network: &Rc<str>,
        map: Map,
    ) -> Result<(), Error> {
        let elements = kernel.elements(&layout::table(), &map.set(network))?;
        self.elements.extend(elements.into_iter().map(|element| {
            let id = ElementId { network: network.clone(), map, key: element.key.clone() };
            (id, element)
        }));
        Ok(())
    }

    /// Returns the elements with this comment.
    pub(super) fn tagged(&self, tag: &str) -> impl Iterator<Item = (&ElementId, &Element)> {
        self.elements.iter().filter(move |(_, element)| element.comment.as_deref() == Some(tag))
    }
}

/// Returns the chain that an element leads to.
pub(super) fn target_chain(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Verdict(Verdict::Goto(chain) | Verdict::Jump(chain))) => Some(chain),
        _ => None,
    }
}
