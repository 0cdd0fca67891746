//! Ordered collections of the few items of a call.
//!
//! `collect` sorts all items first, and each type of items has a whole sorting algorithm in the
//! binary. To insert them one by one is as fast for a few, and takes much less code.

use std::collections::{BTreeMap, BTreeSet};

/// Returns the items in order.
pub(crate) fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

/// Returns the values in the order of their keys.
pub(crate) fn map<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}
