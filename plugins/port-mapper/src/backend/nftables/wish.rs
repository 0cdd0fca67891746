//! What has to be read before a decision: as little as will do, so that it costs the same beside any number of others.

use std::rc::Rc;

use super::entries::Entry;
use super::places::{Keys, Map, Place, Role};

/// What to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Every element.
    All,
    /// Some elements, and all of some maps.
    Some {
        /// The network whose users are counted.
        branch: Rc<str>,
        /// Where to look.
        places: Vec<Place>,
        /// What to list: maps of a network, or of all (whose name is empty).
        lists: Vec<(Rc<str>, Map)>,
    },
}

/// From so many elements on, listing is cheaper than asking.
const MANY: usize = 512;

impl Wish {
    /// For an ADD: the wanted places, and whatever could be in the way: mappings at one address where any is wanted,
    /// which is rarely many, and ranges, of which there is one element each.
    pub(super) fn to_install(branch: &Rc<str>, wanted: &[Entry]) -> Self {
        // What lies within a range can't be asked for.
        if wanted.len() > MANY || wanted.iter().any(is_range) {
            return Self::All;
        }
        let mut places: Vec<Place> = wanted.iter().map(|entry| entry.place.clone()).collect();
        let mut lists = Vec::new();
        for entry in wanted.iter().filter(|entry| entry.place.map.role == Role::Ports) {
            let Place { branch, map, .. } = &entry.place;
            let mut list = |keys| lists.push((branch.clone(), Map { keys, ..*map }));
            list(Keys::Range);
            match map.keys {
                Keys::Any => list(Keys::Address),
                _ => places.extend(entry.place.at_any_address()),
            }
        }
        Self::few(branch, places, lists)
    }

    /// For a DEL: where the claim's elements are.
    pub(super) fn to_remove(branch: &Rc<str>, claimed: &[Entry]) -> Self {
        if claimed.len() > MANY {
            return Self::All;
        }
        let (ranges, single): (Vec<&Entry>, Vec<&Entry>) =
            claimed.iter().partition(|entry| is_range(entry));
        let places = single.iter().map(|entry| entry.place.clone()).collect();
        let list = |entry: &&Entry| (entry.place.branch.clone(), entry.place.map);
        Self::few(branch, places, ranges.iter().map(list).collect())
    }

    fn few(branch: &Rc<str>, mut places: Vec<Place>, mut lists: Vec<(Rc<str>, Map)>) -> Self {
        lists.sort_unstable();
        lists.dedup();
        places.retain(|place| {
            !lists.iter().any(|(branch, map)| (branch, map) == (&place.branch, &place.map))
        });
        Self::Some { branch: branch.clone(), places, lists }
    }
}

fn is_range(entry: &Entry) -> bool {
    entry.place.map.keys == Keys::Range
}
