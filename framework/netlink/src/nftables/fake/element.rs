//! Adds, deletes and finds elements as the kernel does.

use crate::error::errno;
use crate::nftables::data::{DataType, Field, Key, Value};
use crate::nftables::fake::contents::{Contents, StoredSet};
use crate::nftables::fake::interval::Interval;
use crate::nftables::fake::refusal::ExplainedRefusal;
use crate::nftables::set::{Element, ValueType};

impl Contents {
    pub(super) fn add_element(&mut self, element: &Element) -> Result<bool, ExplainedRefusal> {
        let stored = self.stored_set(&element.set)?;
        let key = stored.normalize(&element.key)?;
        stored.check_value(element.value.as_ref())?;
        if let Some(Value::Verdict(verdict)) = &element.value {
            self.check_verdict(verdict)?;
        }
        let stored = self.stored_set(&element.set)?;
        if let Some(old) = stored.conflict(&key) {
            let is_same = old.key == key && old.value == element.value;
            return if is_same { Ok(false) } else { Err(already_exists()) };
        }
        if let Key::Range(fields) = &key {
            Interval(fields).check()?;
        }
        stored.elements.push(Element { key, ..element.clone() });
        Ok(true)
    }

    pub(super) fn delete_element(&mut self, element: &Element) -> Result<bool, ExplainedRefusal> {
        let stored = self.stored_set(&element.set)?;
        let key = stored.normalize(&element.key)?;
        let absent = || ExplainedRefusal::new(errno::ENOENT, "the element does not exist");
        let index = stored.position(&key).ok_or_else(absent)?;
        // Of an interval of one field, the kernel looks for both ends.
        if stored.set.has_ends() && stored.elements[index].key != key {
            return Err(absent());
        }
        stored.elements.remove(index);
        Ok(true)
    }

    fn stored_set(&mut self, name: &str) -> Result<&mut StoredSet, ExplainedRefusal> {
        self.sets.get_mut(name).ok_or_else(|| ExplainedRefusal::absent("set or map", name))
    }
}

impl StoredSet {
    /// Finds the element with this key. A point is found in the interval that contains it, an
    /// interval only if it is equal.
    pub(super) fn find(&self, requested: &Key) -> Result<Option<&Element>, ExplainedRefusal> {
        let key = self.normalize(requested)?;
        let found = self.position(&key).map(|index| &self.elements[index]);
        Ok(found.filter(|found| matches!(requested, Key::One(_)) || found.key == key))
    }

    /// Returns the key as this set stores it: as a range if the set has intervals.
    fn normalize(&self, key: &Key) -> Result<Key, ExplainedRefusal> {
        let key = if self.set.interval { key.clone().into_range() } else { key.clone() };
        let types = &self.set.key;
        let fits = match &key {
            Key::One(fields) => fits(fields, types),
            Key::Range(fields) => {
                let (first, last): (Vec<&Field>, Vec<&Field>) =
                    fields.iter().map(|(first, last)| (first, last)).unzip();
                self.set.interval && fits(first, types) && fits(last, types)
            }
        };
        if fits { Ok(key) } else { Err(type_mismatch(&self.set.name)) }
    }

    fn check_value(&self, value: Option<&Value>) -> Result<(), ExplainedRefusal> {
        let fits = match (&self.set.value, value) {
            (ValueType::None, None) | (ValueType::Verdict, Some(Value::Verdict(_))) => true,
            (ValueType::Data(types), Some(Value::Data(fields))) => fits(fields, types),
            _ => false,
        };
        if fits { Ok(()) } else { Err(type_mismatch(&self.set.name)) }
    }

    /// Returns the index of the element that the kernel finds for a key. The kernel looks only for
    /// the first value of an interval, even to delete it, so it may find another interval that
    /// contains this value.
    fn position(&self, key: &Key) -> Option<usize> {
        self.elements.iter().position(|element| match (&element.key, key) {
            (Key::Range(stored), Key::Range(key)) => {
                Interval(stored).contains(Interval(key).first())
            }
            (stored, key) => stored == key,
        })
    }

    /// Returns the element with which a key conflicts. The kernel checks only the first and the
    /// last value of an interval, so it does not detect that an interval contains others or
    /// intersects them in between.
    fn conflict(&self, key: &Key) -> Option<&Element> {
        let end = |element: &&Element| match (&element.key, key) {
            (Key::Range(stored), Key::Range(key)) => {
                Interval(stored).contains(Interval(key).last())
            }
            _ => false,
        };
        // Of one field, it does.
        let inside = |element: &&Element| match (&element.key, key) {
            (Key::Range(stored), Key::Range(key)) => {
                self.set.has_ends() && Interval(key).contains(Interval(stored).first())
            }
            _ => false,
        };
        let begin = self.position(key).map(|index| &self.elements[index]);
        let begin = begin.or_else(|| self.elements.iter().find(inside));
        begin.or_else(|| self.elements.iter().find(end))
    }
}

/// Reports whether the fields have these types.
fn fits<'a>(fields: impl IntoIterator<Item = &'a Field>, types: &[DataType]) -> bool {
    fields.into_iter().map(Field::data_type).eq(types.iter().copied())
}

fn type_mismatch(set: &str) -> ExplainedRefusal {
    let advice = format!("its key or its value probably does not have the types of {set}");
    ExplainedRefusal::new(errno::EINVAL, advice)
}

fn already_exists() -> ExplainedRefusal {
    let advice = "an element with this key, or an overlapping one, exists with another value";
    ExplainedRefusal::new(errno::EEXIST, advice)
}
