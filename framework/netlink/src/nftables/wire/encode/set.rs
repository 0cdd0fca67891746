//! Encodes sets.

use crate::attribute::Body;
use crate::nftables::data::{DataType, Field, Key};
use crate::nftables::set::{Element, Set, ValueType};
use crate::nftables::wire::encode::encoder::{Encoder, append_comment};
use crate::nftables::wire::uapi::{ITEM, flag, message, order, set as wire, userdata};
use crate::nftables::wire::values;

impl Encoder<'_, '_> {
    pub(super) fn add_set(&mut self, index: usize, set: &Set) {
        self.sets += 1;
        let number = self.sets;
        self.message(index, message::NEW_SET, flag::CREATE, |body| {
            body.text(wire::NAME, &set.name);
            body.u32_be(wire::FLAGS, flags(set));
            write_key(body, &set.key);
            write_data(body, &set.value);
            body.u32_be(wire::ID, number);
            if set.interval && !set.has_ends() {
                body.nested(wire::DESCRIPTION, |body| write_fields(body, &set.key));
            }
            body.appended(wire::USERDATA, |bytes| append_userdata(bytes, set));
        });
    }

    /// Adds an anonymous set, which is bound to the rule that follows.
    pub(super) fn add_anonymous(&mut self, index: usize, fields: &[Field]) {
        self.sets += 1;
        let number = self.sets;
        let kinds: Vec<DataType> = fields.first().map(Field::data_type).into_iter().collect();
        let size = u32::try_from(fields.len()).unwrap_or_default();
        self.message(index, message::NEW_SET, flag::CREATE, |body| {
            body.text(wire::NAME, wire::ANONYMOUS_NAME);
            body.u32_be(wire::FLAGS, wire::ANONYMOUS | wire::CONSTANT);
            write_key(body, &kinds);
            body.u32_be(wire::ID, number);
            body.nested(wire::DESCRIPTION, |body| body.u32_be(wire::DESCRIPTION_SIZE, size));
            body.appended(wire::USERDATA, |bytes| {
                append_order(bytes, userdata::SET_KEY_ORDER, &kinds);
            });
        });
        let elements = fields.iter().map(|field| Element {
            set: wire::ANONYMOUS_NAME.to_owned(),
            key: Key::One(vec![field.clone()]),
            value: None,
            comment: None,
        });
        self.anonymous_elements(index, number, &elements.collect::<Vec<_>>());
    }
}

fn flags(set: &Set) -> u32 {
    let map = if set.is_map() { wire::MAP } else { 0 };
    let interval = if set.interval { wire::INTERVAL } else { 0 };
    let concatenation = if set.interval && !set.has_ends() { wire::CONCATENATION } else { 0 };
    map | interval | concatenation
}

fn write_key(body: &mut Body<'_>, key: &[DataType]) {
    body.u32_be(wire::KEY_TYPE, values::type_number(key));
    body.u32_be(wire::KEY_LENGTH, length(key));
}

fn write_data(body: &mut Body<'_>, value: &ValueType) {
    let (number, length) = match value {
        ValueType::None => return,
        ValueType::Data(types) => (values::type_number(types), length(types)),
        ValueType::Verdict => (wire::VERDICT, 0),
    };
    body.u32_be(wire::DATA_TYPE, number);
    body.u32_be(wire::DATA_LENGTH, length);
}

fn length(types: &[DataType]) -> u32 {
    u32::try_from(values::length(types)).unwrap_or_default()
}

/// Writes the lengths of the fields in bytes, as nft does, although the kernel's header documents
/// bits.
fn write_fields(body: &mut Body<'_>, key: &[DataType]) {
    body.nested(wire::DESCRIPTION_FIELDS, |body| {
        for kind in key {
            let length = u32::try_from(kind.length()).unwrap_or_default();
            body.nested(ITEM, |body| body.u32_be(wire::FIELD_LENGTH, length));
        }
    });
}

/// Appends the byte order, without which nft would list keys in host byte order incorrectly.
fn append_userdata(bytes: &mut Vec<u8>, set: &Set) {
    append_order(bytes, userdata::SET_KEY_ORDER, &set.key);
    if let ValueType::Data(types) = &set.value {
        append_order(bytes, userdata::SET_DATA_ORDER, types);
    }
    if let Some(comment) = &set.comment {
        append_comment(bytes, userdata::SET_COMMENT, comment);
    }
}

fn append_order(bytes: &mut Vec<u8>, kind: u8, types: &[DataType]) {
    let order = match types {
        [one] => one.order(),
        _ => order::CONCATENATION,
    };
    bytes.extend_from_slice(&[kind, 4]);
    bytes.extend_from_slice(&order.to_ne_bytes());
}
