//! Encodes the elements of sets and maps.

use crate::attribute::Body;
use crate::nftables::data::{Field, Key, Value};
use crate::nftables::set::Element;
use crate::nftables::transaction::Operation;
use crate::nftables::wire::encode::encoder::{Encoder, write_comment};
use crate::nftables::wire::encode::expression;
use crate::nftables::wire::uapi::{ITEM, data, element as wire, flag, message};
use crate::nftables::wire::values;

/// The length in bytes at which a list of elements is full. The length field has 16 bits, and the
/// element that exceeds this length is much shorter than the remaining 5,535 bytes.
const FULL_LIST: usize = 60_000;

impl Encoder<'_, '_> {
    /// Writes one message for the leading operations of the same type on the same set, as many as
    /// fit. Returns their number.
    pub(super) fn elements(&mut self, index: usize, operations: &[Operation]) -> usize {
        let Some((kind, flags, first)) = operations.first().and_then(parts) else { return 1 };
        let elements = operations
            .iter()
            .map_while(parts)
            .take_while(|(other, _, element)| *other == kind && element.set == first.set)
            .map(|(_, _, element)| element);
        let mut count = 0;
        self.message(index, kind, flags, |body| {
            body.text(wire::SET, &first.set);
            count = write_list(body, elements);
        });
        count
    }

    /// Writes the elements of an anonymous set. Until the kernel has named it, messages refer to it
    /// by its number in the batch.
    pub(super) fn anonymous_elements(&mut self, index: usize, number: u32, elements: &[Element]) {
        let mut rest = elements;
        while let Some(first) = rest.first() {
            let mut count = 0;
            self.message(index, message::NEW_ELEMENT, flag::CREATE, |body| {
                body.text(wire::SET, &first.set);
                body.u32_be(wire::SET_ID, number);
                count = write_list(body, rest.iter());
            });
            rest = &rest[count..];
        }
    }
}

/// Returns the message type, the flags and the element of an operation.
fn parts(operation: &Operation) -> Option<(u16, u16, &Element)> {
    match operation {
        Operation::AddElement(element) => Some((message::NEW_ELEMENT, flag::CREATE, element)),
        Operation::DeleteElement(element) => Some((message::DELETE_ELEMENT, 0, element)),
        _ => None,
    }
}

/// Writes elements until the list is full. Returns their number.
///
/// `elements` must not be empty: a delete without elements deletes all elements of the set.
fn write_list<'a>(body: &mut Body<'_>, elements: impl Iterator<Item = &'a Element>) -> usize {
    let start = body.len();
    let mut count = 0;
    body.nested(wire::ELEMENTS, |body| {
        for element in elements {
            body.nested(ITEM, |body| write(body, element));
            if let Some(end) = end(&element.key) {
                body.nested(ITEM, |body| write_end(body, &end));
            }
            count += 1;
            if body.len() - start > FULL_LIST {
                break;
            }
        }
    });
    count
}

fn write(body: &mut Body<'_>, element: &Element) {
    key(body, &element.key);
    match &element.value {
        None => {}
        Some(Value::Data(fields)) => {
            body.nested(wire::DATA, |body| write_fields(body, fields.iter()));
        }
        Some(Value::Verdict(verdict)) => {
            body.nested(wire::DATA, |body| expression::write_verdict(body, verdict));
        }
    }
    write_comment(body, wire::USERDATA, element.comment.as_deref());
}

/// Returns the bytes of the first value after an interval of one field, if there is one.
fn end(key: &Key) -> Option<Vec<u8>> {
    let Key::Range(ends) = key else { return None };
    let [(_, last)] = &ends[..] else { return None };
    let mut bytes = Vec::new();
    values::append(&mut bytes, [last].into_iter());
    values::successor(bytes)
}

fn write_end(body: &mut Body<'_>, end: &[u8]) {
    body.nested(wire::KEY, |body| body.bytes(data::VALUE, end));
    body.u32_be(wire::FLAGS, wire::INTERVAL_END);
}

/// Returns the number of list items that an element is written as.
pub(in crate::nftables) fn items(element: &Element) -> usize {
    1 + usize::from(end(&element.key).is_some())
}

/// Writes the key of an element.
pub(in crate::nftables) fn key(body: &mut Body<'_>, key: &Key) {
    match key {
        Key::One(fields) => body.nested(wire::KEY, |body| write_fields(body, fields.iter())),
        Key::Range(ends) => {
            body.nested(wire::KEY, |body| write_fields(body, ends.iter().map(|(first, _)| first)));
            if ends.len() == 1 {
                return;
            }
            body.nested(wire::KEY_END, |body| {
                write_fields(body, ends.iter().map(|(_, last)| last))
            });
        }
    }
}

fn write_fields<'a>(body: &mut Body<'_>, fields: impl ExactSizeIterator<Item = &'a Field>) {
    body.appended(data::VALUE, |value| values::append(value, fields));
}
