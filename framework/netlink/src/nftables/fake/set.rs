//! Adds and deletes sets and maps.

use crate::error::errno;
use crate::nftables::fake::contents::{Contents, StoredSet};
use crate::nftables::fake::refusal::ExplainedRefusal;
use crate::nftables::set::{Set, ValueType};
use crate::nftables::wire::values;

/// The maximum length of a key or a value in bytes.
const LENGTH: usize = 64;

impl Contents {
    pub(super) fn add_set(&mut self, set: &Set) -> Result<bool, ExplainedRefusal> {
        let shape = |set: &Set| (set.key.clone(), set.value.clone(), set.interval);
        if let Some(stored) = self.sets.get(&set.name) {
            let is_same = shape(&stored.set) == shape(set);
            return if is_same { Ok(true) } else { Err(ExplainedRefusal::different()) };
        }
        let value = if let ValueType::Data(types) = &set.value { &types[..] } else { &[] };
        if values::length(&set.key).max(values::length(value)) > LENGTH {
            let advice = format!("keys and values are limited to {LENGTH} bytes");
            return Err(ExplainedRefusal::new(errno::EINVAL, advice));
        }
        let stored = StoredSet { set: set.clone(), elements: Vec::new() };
        self.sets.insert(set.name.clone(), stored);
        Ok(true)
    }

    pub(super) fn delete_set(&mut self, name: &str) -> Result<bool, ExplainedRefusal> {
        if self.is_referenced(name) {
            return Err(ExplainedRefusal::busy());
        }
        let stored = self.sets.remove(name);
        stored.map(|_| true).ok_or_else(|| ExplainedRefusal::absent("set or map", name))
    }
}
