//! Intervals of one field, which the kernel lists as two elements: the first value, and the first
//! value after the interval.

use crate::error::Malformed;
use crate::nftables::data::Key;
use crate::nftables::set::{Element, Set};
use crate::nftables::wire::decode::attributes::AttributeTable;
use crate::nftables::wire::decode::element;
use crate::nftables::wire::uapi::{data, element as wire};
use crate::nftables::wire::values;

/// The first value of an interval, or the first one after it.
pub(in crate::nftables) struct Bound {
    value: Vec<u8>,
    /// The element, with a key of one value, if an interval begins here.
    begins: Option<Element>,
}

/// Reads the bounds in a message.
pub(in crate::nftables) fn bounds(payload: &[u8], set: &Set) -> Result<Vec<Bound>, Malformed> {
    let attributes = AttributeTable::<4>::of_payload(payload)?;
    let Some(list) = attributes.get(wire::ELEMENTS) else { return Ok(Vec::new()) };
    let mut bounds = Vec::new();
    for item in list.nested() {
        let item = item?;
        let attributes = AttributeTable::<11>::of(item.nested())?;
        let flags = attributes.number(wire::FLAGS)?.unwrap_or_default();
        let key = attributes.get(wire::KEY).filter(|_| flags & wire::CATCH_ALL == 0);
        let Some(key) = key else { continue };
        let value = AttributeTable::<3>::of(key.nested())?.get(data::VALUE);
        let value = value.ok_or(Malformed("a key without a value"))?.payload.to_vec();
        let is_end = flags & wire::INTERVAL_END != 0;
        let begins = if is_end { None } else { element::element(item, set)? };
        bounds.push(Bound { value, begins });
    }
    Ok(bounds)
}

/// Returns the intervals between all bounds of a set, in the order of their values.
pub(in crate::nftables) fn intervals(
    mut bounds: Vec<Bound>,
    set: &Set,
) -> Result<Vec<Element>, Malformed> {
    // Where one interval ends and the next one begins, the end comes first.
    bounds.sort_by(|a, b| (&a.value, a.begins.is_some()).cmp(&(&b.value, b.begins.is_some())));
    let mut elements = Vec::new();
    let mut open: Option<Element> = None;
    for Bound { value, begins } in bounds {
        // nft leaves out the end of an interval that is next to another one.
        if let Some(begun) = open.take() {
            elements.push(closed(begun, values::predecessor(value), set)?);
        }
        open = begins;
    }
    if let Some(begun) = open {
        let highest = vec![0xff; values::length(&set.key)];
        elements.push(closed(begun, Some(highest), set)?);
    }
    Ok(elements)
}

fn closed(begun: Element, last: Option<Vec<u8>>, set: &Set) -> Result<Element, Malformed> {
    let last = values::read(&set.key, &last.unwrap_or_default())?;
    let first = match begun.key {
        Key::One(first) => first,
        Key::Range(ends) => ends.into_iter().map(|(first, _)| first).collect(),
    };
    Ok(Element { key: Key::Range(first.into_iter().zip(last).collect()), ..begun })
}
