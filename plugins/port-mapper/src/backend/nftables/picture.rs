//! What of the table is there: of one moment, since whatever is decided by it is committed at its generation only.

use std::collections::HashMap;

use indexmap::IndexMap;
use netfilter::Error;
use netfilter::nftables::{Element, Generation, InstalledRule, Key, Ruleset, Value, Verdict};

use super::branches;
use super::entries::Place;
use super::layout::{self, Map, Maps};
use super::wish::Wish;
use crate::family::Family;

/// The table as it is.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Nothing can have been seen wrongly when this is still the generation at the commit.
    pub(super) generation: Option<Generation>,
    pub(super) has_table: bool,
    /// Whether every element is in the picture.
    pub(super) is_whole: bool,
    /// Rules by their chain, in order. Chains without rules are not in it.
    pub(super) rules: HashMap<String, Vec<InstalledRule>>,
    pub(super) elements: IndexMap<Place, Element>,
    /// How many elements and rules lead to a network's or a subnet's chain.
    pub(super) references: HashMap<String, usize>,
    /// The excluded devices of network chains, by the chain's name.
    pub(super) devices: HashMap<String, Vec<Key>>,
}

impl Picture {
    /// Looks. The generation comes first: what changes afterwards makes it stale.
    pub(super) fn take(kernel: &mut impl Ruleset, maps: &Maps, wish: &Wish) -> Result<Self, Error> {
        let table = layout::table();
        let mut picture = Self { generation: Some(kernel.generation()?), ..Self::default() };
        picture.has_table = kernel.table(&table)?.is_some();
        if !picture.has_table {
            picture.is_whole = true;
            return Ok(picture);
        }
        for rule in kernel.rules(&table)? {
            picture.rules.entry(rule.chain.clone()).or_default().push(rule);
        }
        picture.look_at_branches(kernel)?;
        match wish {
            Wish::All => {
                picture.is_whole = true;
                for map in Map::all() {
                    for family in Family::ALL {
                        picture.list(kernel, maps, map, family)?;
                    }
                }
            }
            Wish::Some { places, lists } => {
                picture.find(kernel, maps, places)?;
                for (map, family) in lists {
                    picture.list(kernel, maps, *map, *family)?;
                }
            }
        }
        Ok(picture)
    }

    fn look_at_branches(&mut self, kernel: &mut impl Ruleset) -> Result<(), Error> {
        let table = layout::table();
        let branches: Vec<String> =
            self.rules.keys().filter(|chain| !layout::is_standing(chain)).cloned().collect();
        for chain in branches {
            if let Some(info) = kernel.chain(&table, &chain)? {
                let own = self.rules.get(&chain).map_or(0, Vec::len);
                let references = (info.references as usize).saturating_sub(own);
                self.references.insert(chain.clone(), references);
            }
            let devices = kernel.elements(&table, &branches::devices(&chain))?;
            let keys = devices.into_iter().map(|element| element.key);
            self.devices.insert(chain, keys.collect());
        }
        Ok(())
    }

    fn find(
        &mut self,
        kernel: &mut impl Ruleset,
        maps: &Maps,
        places: &[Place],
    ) -> Result<(), Error> {
        let keys: Vec<_> = places
            .iter()
            .map(|place| (maps.get(place.map, place.family), place.key.clone()))
            .collect();
        for (place, element) in places.iter().zip(kernel.find(&layout::table(), &keys)?) {
            self.elements.extend(element.map(|element| (place.clone(), element)));
        }
        Ok(())
    }

    fn list(
        &mut self,
        kernel: &mut impl Ruleset,
        maps: &Maps,
        map: Map,
        family: Family,
    ) -> Result<(), Error> {
        let elements = kernel.elements(&layout::table(), maps.get(map, family))?;
        self.elements.extend(elements.into_iter().map(|element| {
            let place = Place { map, family, key: element.key.clone() };
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
