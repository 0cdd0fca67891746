//! Anonymous sets, which belong to one rule. The kernel names them and lists them separately.

use crate::nftables::bytecode::selector;
use crate::nftables::bytecode::selector::Load;
use crate::nftables::data::{DataType, Field, Key};
use crate::nftables::expression::Expression;
use crate::nftables::set::{Element, Set, ValueType};
use crate::nftables::statement::{Selector, SetRef};
use crate::nftables::wire::uapi::set;

/// Returns the anonymous set to which the expression at this index refers, if any.
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

/// Returns the data type that an expression loads.
fn type_of(expression: &Expression, register: u32) -> Option<DataType> {
    let loads = |selector: &Selector| {
        let (load, _): (Load, usize) = selector::load(*selector);
        load.to(register) == *expression
    };
    Selector::ALL.into_iter().find(loads).map(Selector::data_type)
}

/// Replaces the name of an anonymous set by its elements.
pub(in crate::nftables) fn fill(expression: &mut Expression, elements: Vec<Element>) {
    let Expression::Lookup { set, .. } = expression else { return };
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
