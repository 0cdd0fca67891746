//! What of the table is there: of one moment, since whatever is decided by it is committed at its generation only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use cni_netlink::Error;
use cni_netlink::nftables::{
    Element, Expression, Generation, InstalledRule, Key, Ruleset, Set, SetRef, Value, Verdict,
};
use indexmap::IndexMap;

use super::branches;
use super::layout;
use super::places::{Keys, Map, Place, Role};
use super::wish::Wish;
use crate::family::Family;

/// The table as it is.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Nothing was seen wrongly when this is still the generation at the commit.
    pub(super) generation: Option<Generation>,
    pub(super) has_table: bool,
    /// Whether every element is in the picture.
    pub(super) is_whole: bool,
    /// Rules by their chain, in order. Chains without rules are not in it.
    pub(super) rules: HashMap<String, Vec<InstalledRule>>,
    pub(super) elements: IndexMap<Place, Element>,
    /// The networks that were looked at: how many elements lead to them.
    pub(super) users: BTreeMap<String, usize>,
    /// Their excluded devices.
    pub(super) devices: HashMap<String, Vec<Key>>,
}

impl Picture {
    /// Looks. The generation comes first: what changes afterwards makes it stale.
    pub(super) fn take(kernel: &mut impl Ruleset, wish: &Wish) -> Result<Self, Error> {
        let table = layout::table();
        let mut picture = Self { generation: Some(kernel.generation()?), ..Self::default() };
        picture.has_table = kernel.table(&table)?.is_some();
        picture.is_whole = !picture.has_table || *wish == Wish::All;
        if !picture.has_table {
            return Ok(picture);
        }
        for rule in kernel.rules(&table)? {
            picture.rules.entry(rule.chain.clone()).or_default().push(rule);
        }
        match wish {
            Wish::All => picture.look_everywhere(kernel)?,
            Wish::Some { branch, places, lists } => {
                picture.look_at(kernel, branch)?;
                picture.find(kernel, places)?;
                for (branch, map) in lists {
                    picture.list(kernel, branch, *map)?;
                }
            }
        }
        Ok(picture)
    }

    fn look_everywhere(&mut self, kernel: &mut impl Ruleset) -> Result<(), Error> {
        for family in Family::ALL {
            for keys in Keys::ALL {
                self.list(kernel, &"".into(), Map { role: Role::Ports, keys, family })?;
            }
        }
        for branch in self.branches() {
            self.look_at(kernel, &branch)?;
            for map in Map::of_a_network() {
                self.list(kernel, &branch, map)?;
            }
        }
        Ok(())
    }

    /// The networks that have rules or users.
    fn branches(&self) -> HashSet<Rc<str>> {
        let by_rules = self.rules.keys().filter_map(|chain| branches::branch_of(chain));
        let by_users =
            self.elements.values().filter_map(|element| chain_of(element.value.as_ref()));
        by_rules.chain(by_users).map(Rc::from).collect()
    }

    fn look_at(&mut self, kernel: &mut impl Ruleset, branch: &str) -> Result<(), Error> {
        let table = layout::table();
        let Some(info) = kernel.chain(&table, branch)? else { return Ok(()) };
        let others = self.rules.get(branch).map_or(0, Vec::len) + self.jumps_to(branch).count();
        self.users.insert(branch.to_owned(), (info.references as usize).saturating_sub(others));
        let devices = branches::devices_set(branch);
        if self.sets_of(branch).contains(&devices.name) {
            let keys = kernel.elements(&table, &devices)?.into_iter().map(|element| element.key);
            self.devices.insert(branch.to_owned(), keys.collect());
        }
        Ok(())
    }

    /// The rules by which packets come to a chain.
    pub(super) fn jumps_to(&self, chain: &str) -> impl Iterator<Item = &InstalledRule> {
        let standing = [layout::HOST_PORTS, layout::SOURCES];
        let rules = standing.into_iter().filter_map(|chain| self.rules.get(chain)).flatten();
        rules.filter(move |rule| {
            let leads = |expression: &Expression| {
                matches!(expression, Expression::Verdict(Verdict::Jump(to)) if to == chain)
            };
            rule.expressions.iter().any(leads)
        })
    }

    /// The sets that rules of a network refer to.
    pub(super) fn sets_of(&self, branch: &str) -> HashSet<String> {
        let chains = [branch.to_owned(), branches::sources_chain(branch)];
        let rules = chains.iter().filter_map(|chain| self.rules.get(chain)).flatten();
        let expressions = rules.flat_map(|rule| &rule.expressions);
        let named = expressions.filter_map(|expression| match expression {
            Expression::Lookup { set: SetRef::Named(name), .. } => Some(name.clone()),
            _ => None,
        });
        named.collect()
    }

    fn find(&mut self, kernel: &mut impl Ruleset, places: &[Place]) -> Result<(), Error> {
        let sets: Vec<Set> = places.iter().map(Place::set).collect();
        let keys: Vec<(&Set, Key)> =
            sets.iter().zip(places).map(|(set, place)| (set, place.key.clone())).collect();
        for (place, element) in places.iter().zip(kernel.find(&layout::table(), &keys)?) {
            self.elements.extend(element.map(|element| (place.clone(), element)));
        }
        Ok(())
    }

    fn list(&mut self, kernel: &mut impl Ruleset, branch: &Rc<str>, map: Map) -> Result<(), Error> {
        let elements = kernel.elements(&layout::table(), &map.set(branch))?;
        self.elements.extend(elements.into_iter().map(|element| {
            let place = Place { branch: branch.clone(), map, key: element.key.clone() };
            (place, element)
        }));
        Ok(())
    }

    /// The elements with this comment.
    pub(super) fn tagged(&self, tag: &str) -> impl Iterator<Item = (&Place, &Element)> {
        self.elements.iter().filter(move |(_, element)| element.comment.as_deref() == Some(tag))
    }
}

/// The chain that an element leads to.
pub(super) fn chain_of(value: Option<&Value>) -> Option<&str> {
    match value {
        Some(Value::Verdict(Verdict::Goto(chain) | Verdict::Jump(chain))) => Some(chain),
        _ => None,
    }
}
