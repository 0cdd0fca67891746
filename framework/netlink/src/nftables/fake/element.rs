//! Elements: added, deleted, found.

use crate::error::errno;
use crate::nftables::data::{DataType, Field, Key, Value};
use crate::nftables::fake::contents::{Contents, HeldSet};
use crate::nftables::fake::interval::Interval;
use crate::nftables::fake::refused::Refused;
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
        if let Some(old) = held.in_the_way(&key) {
            let is_same = old.key == key && old.value == element.value;
            return if is_same { Ok(false) } else { Err(occupied()) };
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
        let absent = || Refused::new(errno::ENOENT, "there is no such element");
        let place = held.place(&key).ok_or_else(absent)?;
        held.elements.remove(place);
        Ok(true)
    }

    fn held_set(&mut self, name: &str) -> Result<&mut HeldSet, Refused> {
        self.sets.get_mut(name).ok_or_else(|| Refused::absent("set or map", name))
    }
}

impl HeldSet {
    /// The element with this key; the interval that holds the point, or that is the same.
    pub(super) fn find(&self, asked: &Key) -> Result<Option<&Element>, Refused> {
        let key = self.key(asked)?;
        let found = self.place(&key).map(|place| &self.elements[place]);
        Ok(found.filter(|found| matches!(asked, Key::One(_)) || found.key == key))
    }

    /// The key as this set has it.
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

    /// Which element a key leads to. An interval's begin is what the kernel looks for, also to delete it: the
    /// interval found may be another one that holds the begin.
    fn place(&self, key: &Key) -> Option<usize> {
        self.elements.iter().position(|element| match (&element.key, key) {
            (Key::Range(held), Key::Range(key)) => Interval(held).has(Interval(key).first()),
            (held, key) => held == key,
        })
    }

    /// The element because of which a key can't be added. The kernel looks only where the interval begins and ends:
    /// one that holds others wholly, or crosses them, goes unnoticed.
    fn in_the_way(&self, key: &Key) -> Option<&Element> {
        let end = |element: &&Element| match (&element.key, key) {
            (Key::Range(held), Key::Range(key)) => Interval(held).has(Interval(key).last()),
            _ => false,
        };
        let begin = self.place(key).map(|place| &self.elements[place]);
        begin.or_else(|| self.elements.iter().find(end))
    }
}

fn fits<'a>(fields: impl IntoIterator<Item = &'a Field>, types: &[DataType]) -> bool {
    fields.into_iter().map(Field::data_type).eq(types.iter().copied())
}

fn other_type(set: &str) -> Refused {
    let advice = format!("is its key, or its value, of the types of {set}?");
    Refused::new(errno::EINVAL, advice)
}

fn occupied() -> Refused {
    let advice = "an element with this key, or one that overlaps it, is there with another value";
    Refused::new(errno::EEXIST, advice)
}
