//! Adding and deleting sets and maps.

use crate::error::errno;
use crate::nftables::fake::contents::{Contents, HeldSet};
use crate::nftables::fake::refusal::Refused;
use crate::nftables::set::{Set, ValueType};
use crate::nftables::wire::values;

/// The maximum length of a key or a value in bytes.
const LENGTH: usize = 64;

impl Contents {
    pub(super) fn add_set(&mut self, set: &Set) -> Result<bool, Refused> {
        let shape = |set: &Set| (set.key.clone(), set.value.clone(), set.interval);
        if let Some(held) = self.sets.get(&set.name) {
            let is_same = shape(&held.set) == shape(set);
            return if is_same { Ok(true) } else { Err(Refused::different()) };
        }
        let value = if let ValueType::Data(types) = &set.value { &types[..] } else { &[] };
        if values::length(&set.key).max(values::length(value)) > LENGTH {
            let advice = format!("keys and values are limited to {LENGTH} bytes");
            return Err(Refused::new(errno::EINVAL, advice));
        }
        let held = HeldSet { set: set.clone(), elements: Vec::new() };
        self.sets.insert(set.name.clone(), held);
        Ok(true)
    }

    pub(super) fn delete_set(&mut self, name: &str) -> Result<bool, Refused> {
        if self.is_referenced(name) {
            return Err(Refused::busy());
        }
        let held = self.sets.remove(name);
        held.map(|_| true).ok_or_else(|| Refused::absent("set or map", name))
    }
}
