//! Validates transactions: refuses what the kernel would misinterpret or nft could not read back.

use crate::error::{Cause, Error};
use crate::nftables::chain::Chain;
use crate::nftables::chain::Rule;
use crate::nftables::data::{Field, Key, Value, Verdict};
use crate::nftables::set::{Element, Set};
use crate::nftables::statement::{Operand, Selector, SetRef, Statement};
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::uapi::IFNAME;

type Validated = Result<(), &'static str>;

/// The limit of nft in bytes.
const COMMENT: usize = 128;

/// Validates every operation. The error names the first invalid one.
pub(super) fn transaction(transaction: &Transaction) -> Result<(), Error> {
    let refused =
        |why, during: &'static str, what: String| Err(Cause::Invalid(why).during(during, what));
    if let Err(why) = name(&transaction.table.name) {
        return refused(why, "change", format!("table {}", transaction.table));
    }
    for it in &transaction.operations {
        if let Err(why) = operation(it) {
            return refused(why, it.verb(), transaction.name(it));
        }
    }
    Ok(())
}

fn operation(operation: &Operation) -> Validated {
    match operation {
        Operation::DeleteTable => Ok(()),
        Operation::AddTable { comment: text } => comment(text.as_deref()),
        Operation::AddChain(Chain { name: chain, comment: text, .. }) => {
            name(chain)?;
            comment(text.as_deref())
        }
        Operation::DeleteChain(it)
        | Operation::FlushChain(it)
        | Operation::DeleteSet(it)
        | Operation::DeleteRule { chain: it, .. } => name(it),
        Operation::AddRule(it) | Operation::InsertRule(it) => rule(it),
        Operation::AddSet(it) => set(it),
        Operation::AddElement(it) | Operation::DeleteElement(it) => element(it),
    }
}

/// Validates a name. The kernel would truncate it at a NUL.
fn name(name: &str) -> Validated {
    if name.is_empty() || name.contains('\0') {
        return Err("a name is empty or contains a NUL");
    }
    Ok(())
}

fn comment(comment: Option<&str>) -> Validated {
    let Some(text) = comment else { return Ok(()) };
    if text.len() > COMMENT {
        return Err("the comment is longer than 128 bytes, the limit of nft");
    }
    if text.chars().any(|char| char == '"' || char.is_control()) {
        return Err("the comment contains a quotation mark or a control character, which nft \
                    could not read back");
    }
    Ok(())
}

fn set(set: &Set) -> Validated {
    name(&set.name)?;
    comment(set.comment.as_deref())?;
    match set.key.len() {
        0 => Err("the key has no fields"),
        1 if set.interval => Err("intervals require a key of at least two fields"),
        _ => Ok(()),
    }
}

fn element(element: &Element) -> Validated {
    name(&element.set)?;
    comment(element.comment.as_deref())?;
    let count = match &element.key {
        Key::One(fields) => fields.iter().try_for_each(field).map(|()| fields.len())?,
        Key::Range(fields) => {
            fields.iter().try_for_each(|(first, last)| field(first).and(field(last)))?;
            fields.len()
        }
    };
    if count == 0 {
        return Err("the key has no fields");
    }
    match &element.value {
        Some(Value::Data(fields)) => fields.iter().try_for_each(field),
        Some(Value::Verdict(it)) => verdict(it),
        None => Ok(()),
    }
}

fn verdict(verdict: &Verdict) -> Validated {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => name(chain),
        _ => Ok(()),
    }
}

fn field(field: &Field) -> Validated {
    match field {
        Field::Ifname(link) if link.len() >= IFNAME => Err("a link's name is longer than 15 bytes"),
        Field::Ifname(link) => name(link),
        _ => Ok(()),
    }
}

fn rule(rule: &Rule) -> Validated {
    name(&rule.chain)?;
    comment(rule.comment.as_deref())?;
    rule.statements.iter().try_for_each(|statement| match statement {
        Statement::Match { left, right, .. } => compared(*left, right),
        Statement::InSet { left, set: SetRef::Anonymous(fields), .. } => anonymous(left, fields),
        Statement::InSet { left, set: SetRef::Named(set), .. } => selected(left, set),
        Statement::VerdictMap { left, map } | Statement::Dnat { left, map, .. } => {
            selected(left, map)
        }
        Statement::Verdict(it) => verdict(it),
        Statement::FibDaddrLocal | Statement::CtStatusDnat | Statement::Masquerade => Ok(()),
    })
}

fn selected(left: &[Selector], set: &str) -> Validated {
    if left.is_empty() { Err("the lookup has no key") } else { name(set) }
}

fn compared(left: Selector, right: &Operand) -> Validated {
    const OTHER: &str = "the operands of a match have different types";
    match right {
        Operand::Value(it) if it.data_type() == left.data_type() => field(it),
        Operand::Prefix(it @ (Field::Ipv4(_) | Field::Ipv6(_)), bits)
            if it.data_type() == left.data_type()
                && usize::from(*bits) <= 8 * it.data_type().length() =>
        {
            Ok(())
        }
        _ => Err(OTHER),
    }
}

fn anonymous(left: &[Selector], fields: &[Field]) -> Validated {
    let [left] = left else { return Err("the key of an anonymous set must have one field") };
    if fields.is_empty() {
        return Err("an anonymous set is empty");
    }
    let is_wild = |it: &Field| matches!(it, Field::Ifname(name) if name.ends_with('*'));
    if fields.len() > 1 && fields.iter().any(is_wild) {
        return Err("a link's name that ends in * is not allowed in a set");
    }
    fields.iter().try_for_each(|it| compared(*left, &Operand::Value(it.clone())))
}
