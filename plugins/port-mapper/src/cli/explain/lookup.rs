//! Lookups in sets and maps of nf_tables by a register of which not every bit may be known.

use cni_netlink::nftables::{RawElement, SetRef};

use super::bytecode::{Contents, Sets};
use super::machine::{Machine, at};
use super::packet::{Known, and};
use super::walk::Action;

impl Machine<'_> {
    /// Reports whether a set contains the key in a register.
    pub(super) fn is_in_set(&self, set: &SetRef, register: u32, sets: &Sets) -> Known {
        match contents_of(set, sets)? {
            Contents::Known(is_in) => Some(*is_in),
            Contents::Elements(elements) => Some(self.find(elements, at(register))?.is_some()),
        }
    }

    /// Returns the cases of a verdict map. All of them are possible if the key is unknown.
    pub(super) fn verdicts(
        &self,
        all: Known,
        set: &SetRef,
        register: u32,
        sets: &Sets,
    ) -> Vec<(Known, Action)> {
        let Some(Contents::Elements(elements)) = contents_of(set, sets) else {
            return vec![(None, Action::Unknown)];
        };
        let action = |element: &RawElement| match &element.verdict {
            Some(verdict) => Action::of(verdict),
            // `continue`, or the end of an interval.
            None => Action::Continue,
        };
        match self.find(elements, at(register)) {
            Some(Some(element)) => vec![(all, action(element))],
            Some(None) => vec![(Some(false), Action::Continue)],
            None => {
                let is_single = !elements.iter().any(is_interval);
                let may_be = |element: &&RawElement| match &element.key {
                    Some(key) if is_single => self.may_be(at(register), key),
                    _ => true,
                };
                let possible = elements.iter().filter(may_be);
                possible.map(|element| (and(all, None), action(element))).collect()
            }
        }
    }

    /// Finds the element of a register; `None` if the register or the set is not understood.
    fn find<'e>(
        &self,
        elements: &'e [RawElement],
        register: usize,
    ) -> Option<Option<&'e RawElement>> {
        let length = elements.iter().find_map(|element| Some(element.key.as_ref()?.len()));
        let rest = elements.iter().find(|element| element.key.is_none());
        let Some(length) = length else { return Some(rest) };
        if elements.iter().any(|element| element.key_end.is_some()) {
            return None;
        }
        let [least, greatest] = self.limits(register, length)?;
        let keys = || elements.iter().filter_map(|element| Some((element.key.as_ref()?, element)));
        if !elements.iter().any(is_interval) {
            let mut possible = keys().filter(|(key, _)| self.may_be(register, key));
            return match possible.next() {
                Some((_, element)) if least == greatest => Some(Some(element)),
                Some(_) => None,
                None => Some(rest),
            };
        }
        if keys().any(|(key, _)| least < *key && *key <= greatest) {
            return None;
        }
        // Where one interval ends, the next one may begin.
        let below = keys().filter(|(key, _)| **key <= least).map(|(_, element)| element);
        let nearest = below.max_by_key(|element| (&element.key, !element.ends_interval));
        Some(nearest.filter(|element| !element.ends_interval).or(rest))
    }
}

fn is_interval(element: &RawElement) -> bool {
    element.ends_interval || element.key_end.is_some()
}

fn contents_of<'s>(set: &SetRef, sets: &'s Sets) -> Option<&'s Contents> {
    let SetRef::Named(name) = set else { return None };
    sets.iter().find(|(known, _)| known == name).map(|(_, contents)| contents)
}
