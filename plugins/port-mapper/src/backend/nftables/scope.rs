//! What is read before a decision: as little as possible, so that the cost does not depend on the
//! number of other mappings.

use std::rc::Rc;

use super::desired::DesiredElement;
use super::maps::{ElementId, Keys, Map, Role};

/// The elements to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// All.
    All,
    /// Single elements, and all elements of some maps.
    Some {
        /// The network whose references are counted.
        network: Rc<str>,
        elements: Vec<ElementId>,
        /// The maps to list, each with its network, which is empty for a map that all share.
        maps: Vec<(Rc<str>, Map)>,
    },
}

/// With this many elements, listing all is cheaper than looking up each.
const MANY: usize = 512;

impl Scope {
    /// Returns a scope without elements. The rules of the table are always read.
    pub(super) fn nothing() -> Self {
        Self::Some { network: "".into(), elements: Vec::new(), maps: Vec::new() }
    }

    /// Returns the scope of an ADD: the desired elements, and any that could conflict.
    ///
    /// A port at all addresses conflicts with the same port at a single address, which few mappings
    /// have. A range is a single element, so there are few of these, too.
    pub(super) fn to_install(network: &Rc<str>, desired: &[DesiredElement]) -> Self {
        // A lookup does not find the elements within a range.
        if desired.len() > MANY || desired.iter().any(is_range) {
            return Self::All;
        }
        let mut elements: Vec<ElementId> =
            desired.iter().map(|element| element.id.clone()).collect();
        let mut maps = Vec::new();
        for id in desired.iter().map(|element| &element.id).filter(|id| id.map.role == Role::Ports)
        {
            let mut list = |keys| maps.push((id.network.clone(), Map { keys, ..id.map }));
            list(Keys::Range);
            match id.map.keys {
                Keys::Any => list(Keys::Address),
                _ => elements.extend(id.at_any_address()),
            }
        }
        Self::some(network, elements, maps)
    }

    /// Returns the scope of a DEL: the elements of the claim.
    pub(super) fn to_remove(network: &Rc<str>, claimed: &[DesiredElement]) -> Self {
        if claimed.len() > MANY {
            return Self::All;
        }
        let (ranges, single): (Vec<&DesiredElement>, Vec<&DesiredElement>) =
            claimed.iter().partition(|element| is_range(element));
        let elements = single.iter().map(|element| element.id.clone()).collect();
        let map = |element: &&DesiredElement| (element.id.network.clone(), element.id.map);
        Self::some(network, elements, ranges.iter().map(map).collect())
    }

    /// Leaves out single elements of maps that are listed anyway.
    fn some(
        network: &Rc<str>,
        mut elements: Vec<ElementId>,
        mut maps: Vec<(Rc<str>, Map)>,
    ) -> Self {
        maps.sort_unstable();
        maps.dedup();
        elements.retain(|id| {
            !maps.iter().any(|(network, map)| (network, map) == (&id.network, &id.map))
        });
        Self::Some { network: network.clone(), elements, maps }
    }
}

fn is_range(element: &DesiredElement) -> bool {
    element.id.map.keys == Keys::Range
}
