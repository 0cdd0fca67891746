//! Adding, deleting and finding elements.

use crate::error::errno;
use crate::nftables::data::{DataType, Field, Key, Value};
use crate::nftables::fake::contents::{Contents, HeldSet};
use crate::nftables::fake::interval::Interval;
use crate::nftables::fake::refusal::Refused;
use crate::nftables::set::{Element, ValueType};

impl Contents {
    pub(super) fn add_element(&mut self, element: &Element) -> Result<bool, Refused> {
        let held = self.held_set(&element.set)?;
        let key = held.key(&element.key)?;
        held.check_value(element.value.as_ref())?;
        if let Some(Value::Verdict(verdict)) = &element.value {
            self.check_verdict(verdict)?;
        }
        let held = self.held_set(&element.set)?;
        if let Some(old) = held.conflict(&key) {
            let is_same = old.key == key && old.value == element.value;
            return if is_same { Ok(false) } else { Err(exists()) };
        }
        if let Key::Range(fields) = &key {
            Interval(fields).check()?;
        }
        held.elements.push(Element { key, ..element.clone() });
        Ok(true)
    }

    pub(super) fn delete_element(&mut self, element: &Element) -> Result<bool, Refused> {
        let held = self.held_set(&element.set)?;
        let key = held.key(&element.key)?;
        let absent = || Refused::new(errno::ENOENT, "the element does not exist");
        let index = held.position(&key).ok_or_else(absent)?;
        held.elements.remove(index);
        Ok(true)
    }

    fn held_set(&mut self, name: &str) -> Result<&mut HeldSet, Refused> {
        self.sets.get_mut(name).ok_or_else(|| Refused::absent("set or map", name))
    }
}

impl HeldSet {
    /// Finds the element with this key: an interval that contains the point, or an equal interval.
    pub(super) fn find(&self, asked: &Key) -> Result<Option<&Element>, Refused> {
        let key = self.key(asked)?;
        let found = self.position(&key).map(|index| &self.elements[index]);
        Ok(found.filter(|found| matches!(asked, Key::One(_)) || found.key == key))
    }

    /// Returns the key in the form of this set.
    fn key(&self, key: &Key) -> Result<Key, Refused> {
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
        if fits { Ok(key) } else { Err(other_type(&self.set.name)) }
    }

    fn check_value(&self, value: Option<&Value>) -> Result<(), Refused> {
        let fits = match (&self.set.value, value) {
            (ValueType::None, None) | (ValueType::Verdict, Some(Value::Verdict(_))) => true,
            (ValueType::Data(types), Some(Value::Data(fields))) => fits(fields, types),
            _ => false,
        };
        if fits { Ok(()) } else { Err(other_type(&self.set.name)) }
    }

    /// Returns the index of the element for a key. The kernel looks only for the first value of an
    /// interval, even to delete it, so it may find another interval that contains this value.
    fn position(&self, key: &Key) -> Option<usize> {
        self.elements.iter().position(|element| match (&element.key, key) {
            (Key::Range(held), Key::Range(key)) => Interval(held).contains(Interval(key).first()),
            (held, key) => held == key,
        })
    }

    /// Returns the element with which a key conflicts. The kernel checks only the first and the
    /// last value of an interval, so it does not detect an interval that contains or crosses
    /// others.
    fn conflict(&self, key: &Key) -> Option<&Element> {
        let end = |element: &&Element| match (&element.key, key) {
            (Key::Range(held), Key::Range(key)) => Interval(held).contains(Interval(key).last()),
            _ => false,
        };
        let begin = self.position(key).map(|index| &self.elements[index]);
        begin.or_else(|| self.elements.iter().find(end))
    }
}

fn fits<'a>(fields: impl IntoIterator<Item = &'a Field>, types: &[DataType]) -> bool {
    fields.into_iter().map(Field::data_type).eq(types.iter().copied())
}

fn other_type(set: &str) -> Refused {
    let advice = format!("its key or its value may not have the types of {set}");
    Refused::new(errno::EINVAL, advice)
}

fn exists() -> Refused {
    let advice = "an element with this key, or an overlapping one, exists with another value";
    Refused::new(errno::EEXIST, advice)
}
