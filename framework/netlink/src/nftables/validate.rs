//! What is refused before the kernel sees it: what would mean something else there, or what nft could not read back.

use crate::error::{Cause, Error};
use crate::nftables::chain::Chain;
use crate::nftables::data::{Field, Key, Value, Verdict};
use crate::nftables::rule::Rule;
use crate::nftables::set::{Element, Set};
use crate::nftables::statement::{Operand, Selector, SetRef, Statement};
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::uapi::IFNAME;

type Checked = Result<(), &'static str>;

/// nft's own limit, in bytes.
const COMMENT: usize = 128;

/// Checks every operation; the error names the first that is refused.
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

fn operation(operation: &Operation) -> Checked {
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

/// The kernel would take a name only up to a NUL: another one.
fn name(name: &str) -> Checked {
    if name.is_empty() || name.contains('\0') {
        return Err("a name is empty or has a NUL in it");
    }
    Ok(())
}

fn comment(comment: Option<&str>) -> Checked {
    let Some(text) = comment else { return Ok(()) };
    if text.len() > COMMENT {
        return Err("its comment is longer than nft's 128 bytes");
    }
    if text.chars().any(|char| char == '"' || char.is_control()) {
        return Err("its comment has a quotation mark or a control character in it, which nft \
                    could not read back");
    }
    Ok(())
}

fn set(set: &Set) -> Checked {
    name(&set.name)?;
    comment(set.comment.as_deref())?;
    match set.key.len() {
        0 => Err("its key has no fields"),
        1 if set.interval => Err("intervals are only known in keys of two fields and more"),
        _ => Ok(()),
    }
}

fn element(element: &Element) -> Checked {
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
        return Err("its key has no fields");
    }
    match &element.value {
        Some(Value::Data(fields)) => fields.iter().try_for_each(field),
        Some(Value::Verdict(it)) => verdict(it),
        None => Ok(()),
    }
}

fn verdict(verdict: &Verdict) -> Checked {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => name(chain),
        _ => Ok(()),
    }
}

fn field(field: &Field) -> Checked {
    match field {
        Field::Ifname(link) if link.len() >= IFNAME => Err("a link's name is longer than 15 bytes"),
        Field::Ifname(link) => name(link),
        _ => Ok(()),
    }
}

fn rule(rule: &Rule) -> Checked {
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

fn selected(left: &[Selector], set: &str) -> Checked {
    if left.is_empty() { Err("it looks nothing up") } else { name(set) }
}

fn compared(left: Selector, right: &Operand) -> Checked {
    const OTHER: &str = "it compares with something of another type";
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

fn anonymous(left: &[Selector], fields: &[Field]) -> Checked {
    let [left] = left else { return Err("a set of the rule's own has keys of one field") };
    if fields.is_empty() {
        return Err("a set of the rule's own is empty");
    }
    let is_wild = |it: &Field| matches!(it, Field::Ifname(name) if name.ends_with('*'));
    if fields.len() > 1 && fields.iter().any(is_wild) {
        return Err("a link's name that ends in * can't be in a set");
    }
    fields.iter().try_for_each(|it| compared(*left, &Operand::Value(it.clone())))
}
