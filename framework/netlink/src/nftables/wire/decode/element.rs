//! Decodes the elements of a set.

use crate::attribute::Attribute;
use crate::error::Malformed;
use crate::nftables::data::{Field, Key, Value};
use crate::nftables::inspect::RawElement;
use crate::nftables::set::{Element, Set, ValueType};
use crate::nftables::wire::decode::attributes::AttributeTable;
use crate::nftables::wire::decode::expression;
use crate::nftables::wire::uapi::{data, element as wire};
use crate::nftables::wire::values;

/// Reads the elements of a message, without the catch-all element, which has no key.
pub(in crate::nftables) fn elements(payload: &[u8], set: &Set) -> Result<Vec<Element>, Malformed> {
    let attributes = AttributeTable::<4>::of_payload(payload)?;
    let Some(list) = attributes.get(wire::ELEMENTS) else { return Ok(Vec::new()) };
    list.nested().filter_map(|item| item.and_then(|item| element(item, set)).transpose()).collect()
}

pub(super) fn element(item: Attribute<'_>, set: &Set) -> Result<Option<Element>, Malformed> {
    let attributes = AttributeTable::<11>::of(item.nested())?;
    if attributes.number(wire::FLAGS)?.unwrap_or_default() & wire::CATCH_ALL != 0 {
        return Ok(None);
    }
    Ok(Some(Element {
        set: set.name.clone(),
        key: key(&attributes, set)?,
        value: value(&attributes, &set.value)?,
        comment: attributes.comment(wire::USERDATA),
    }))
}

/// Reads the elements of a set of any type. One whose verdict is unknown has none.
pub(in crate::nftables) fn raw_elements(payload: &[u8]) -> Result<Vec<RawElement>, Malformed> {
    let attributes = AttributeTable::<4>::of_payload(payload)?;
    let Some(list) = attributes.get(wire::ELEMENTS) else { return Ok(Vec::new()) };
    list.nested().map(|item| raw_element(item?)).collect()
}

fn raw_element(item: Attribute<'_>) -> Result<RawElement, Malformed> {
    let attributes = AttributeTable::<11>::of(item.nested())?;
    let inside = |kind| attributes.get(kind).map(|data| AttributeTable::<3>::of(data.nested()));
    let bytes = |kind| -> Result<Option<Vec<u8>>, Malformed> {
        let value = inside(kind).transpose()?.and_then(|data| data.get(data::VALUE));
        Ok(value.map(|value| value.payload.to_vec()))
    };
    let flags = attributes.number(wire::FLAGS)?.unwrap_or_default();
    let verdict = inside(wire::DATA).transpose()?.and_then(|value| value.get(data::VERDICT));
    Ok(RawElement {
        key: bytes(wire::KEY)?,
        key_end: bytes(wire::KEY_END)?,
        ends_interval: flags & wire::INTERVAL_END != 0,
        verdict: verdict.map(expression::verdict).transpose()?.flatten(),
    })
}

fn key(attributes: &AttributeTable<'_, 11>, set: &Set) -> Result<Key, Malformed> {
    let fields = |kind| {
        let read = |attribute: Attribute<'_>| -> Result<Vec<Field>, Malformed> {
            let value = AttributeTable::<3>::of(attribute.nested())?.get(data::VALUE);
            values::read(&set.key, value.ok_or(Malformed("a key without a value"))?.payload)
        };
        attributes.get(kind).map(read).transpose()
    };
    let first = fields(wire::KEY)?.ok_or(Malformed("an element without a key"))?;
    if !set.interval {
        return Ok(Key::One(first));
    }
    Ok(match fields(wire::KEY_END)? {
        Some(last) => Key::Range(first.into_iter().zip(last).collect()),
        None => Key::One(first).into_range(),
    })
}

fn value(
    attributes: &AttributeTable<'_, 11>,
    value_type: &ValueType,
) -> Result<Option<Value>, Malformed> {
    const MISMATCH: Malformed = Malformed("an element's value does not have the type of its map");
    let types = match value_type {
        ValueType::None => return Ok(None),
        ValueType::Data(types) => Some(types),
        ValueType::Verdict => None,
    };
    let inside = AttributeTable::<3>::of(attributes.get(wire::DATA).ok_or(MISMATCH)?.nested())?;
    let value = match types {
        Some(types) => {
            Value::Data(values::read(types, inside.get(data::VALUE).ok_or(MISMATCH)?.payload)?)
        }
        None => {
            let verdict = expression::verdict(inside.get(data::VERDICT).ok_or(MISMATCH)?)?;
            return Ok(verdict.map(Value::Verdict));
        }
    };
    Ok(Some(value))
}
