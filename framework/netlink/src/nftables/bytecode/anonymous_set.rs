//! Sets that belong to one rule: the kernel names them, and lists them apart from it.

use crate::nftables::bytecode::selector;
use crate::nftables::bytecode::selector::Load;
use crate::nftables::data::{DataType, Field, Key};
use crate::nftables::expression::Expression;
use crate::nftables::set::{Element, Set, ValueType};
use crate::nftables::statement::{Selector, SetRef};
use crate::nftables::wire::uapi::set;

/// The set whose elements are needed to know what the step at this place says.
pub(in crate::nftables) fn needed(expressions: &[Expression], at: usize) -> Option<Set> {
    let Expression::Lookup { set: SetRef::Named(name), register, to: None, .. } =
        expressions.get(at)?
    else {
        return None;
    };
    if !name.starts_with(set::ANONYMOUS_PREFIX) {
        return None;
    }
    let kind = type_of(expressions.get(at.checked_sub(1)?)?, *register)?;
    let (name, key) = (name.clone(), vec![kind]);
    Some(Set { name, key, value: ValueType::None, interval: false, comment: None })
}

/// The type of what a step loads.
fn type_of(step: &Expression, register: u32) -> Option<DataType> {
    let loads = |selector: &Selector| {
        let (load, _): (Load, usize) = selector::load(*selector);
        load.to(register) == *step
    };
    Selector::ALL.into_iter().find(loads).map(Selector::data_type)
}

/// Puts the set's elements in place of its name.
pub(in crate::nftables) fn fill(step: &mut Expression, elements: Vec<Element>) {
    let Expression::Lookup { set, .. } = step else { return };
    let mut fields: Vec<Field> = elements
        .into_iter()
        .filter_map(|element| match element.key {
            Key::One(fields) => fields.into_iter().next(),
            Key::Range(_) => None,
        })
        .collect();
    fields.sort_unstable();
    *set = SetRef::Anonymous(fields);
}
