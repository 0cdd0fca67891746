//! Sets of intervals of one field in the kernel's ruleset, which has two elements for each.

use crate::attribute::Body;
use crate::error::{Cause, Error};
use crate::nftables::data::Key;
use crate::nftables::kernel::Kernel;
use crate::nftables::ruleset::Ruleset;
use crate::nftables::set::{Element, Set};
use crate::nftables::table::Table;
use crate::nftables::wire::decode::interval;
use crate::nftables::wire::encode::encoder;
use crate::nftables::wire::uapi::{element, message};

impl Kernel {
    /// Lists the elements of a set with [two of the kernel's elements for each](Set::has_ends).
    pub(super) fn list_intervals(
        &mut self,
        table: &Table,
        set: &Set,
    ) -> Result<Vec<Element>, Cause> {
        let fill = |body: &mut Body<'_>| {
            encoder::begin(body, table);
            body.text(element::SET, &set.name);
        };
        // The two may be in different messages.
        let lists = self.list(message::GET_ELEMENT, message::NEW_ELEMENT, fill, |payload| {
            interval::bounds(payload, set).map(Some)
        })?;
        Ok(interval::intervals(lists.into_iter().flatten().collect(), set)?)
    }

    /// Looks up keys of such sets, all of which are listed.
    ///
    /// To ask the kernel for one interval takes two questions, between which it can change.
    pub(super) fn find_intervals(
        &mut self,
        table: &Table,
        keys: &[(&Set, Key)],
    ) -> Result<Vec<Option<Element>>, Error> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunk_by(|(one, _), (other, _)| one.name == other.name) {
            let listed = self.elements(table, keys[0].0)?;
            let find = |key: &Key| listed.iter().find(|element| matches(element, key)).cloned();
            found.extend(keys.iter().map(|(_, key)| find(key)));
        }
        Ok(found)
    }
}

/// Reports whether a point is in an interval, or an interval is equal.
fn matches(element: &Element, key: &Key) -> bool {
    match (&element.key, key) {
        (Key::Range(ends), Key::One(point)) => {
            ends.iter().zip(point).all(|((first, last), field)| (first..=last).contains(&field))
        }
        (own, key) => own == key,
    }
}
