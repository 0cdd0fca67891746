//! Validation of transactions: refuses what the kernel would misinterpret or nft could not parse in
//! its own listing.

use crate::error::{Cause, Error};
use crate::nftables::action::{CtState, Limit, Log, Reject};
use crate::nftables::chain::Chain;
use crate::nftables::chain::Rule;
use crate::nftables::data::{DataType, Field, Key, Value, Verdict};
use crate::nftables::set::{Element, Set};
use crate::nftables::statement::{Op, Operand, Selector, SetRef, Statement};
use crate::nftables::table::Family;
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::uapi::IFNAME;

type Validated = Result<(), &'static str>;

/// The maximum length of a comment in nft, in bytes.
const MAX_COMMENT: usize = 128;

/// Validates every operation. The error names the first invalid one.
pub(super) fn transaction(transaction: &Transaction) -> Result<(), Error> {
    let invalid = |why, operation: &'static str, object: String| {
        Err(Cause::Invalid(why).during(operation, object))
    };
    if let Err(why) = name(&transaction.table.name) {
        return invalid(why, "change", format!("table {}", transaction.table));
    }
    for each in &transaction.operations {
        if let Err(why) = operation(each, transaction.table.family) {
            return invalid(why, each.verb(), transaction.name(each));
        }
    }
    Ok(())
}

fn operation(operation: &Operation, family: Family) -> Validated {
    match operation {
        Operation::DeleteTable => Ok(()),
        Operation::AddTable { comment: text } => comment(text.as_deref()),
        Operation::AddChain(Chain { name: chain, comment: text, .. }) => {
            name(chain)?;
            comment(text.as_deref())
        }
        Operation::DeleteChain(object)
        | Operation::FlushChain(object)
        | Operation::DeleteSet(object)
        | Operation::DeleteRule { chain: object, .. } => name(object),
        Operation::AddRule(added) | Operation::InsertRule(added) => rule(added, family),
        Operation::AddSet(added) => set(added),
        Operation::AddElement(changed) | Operation::DeleteElement(changed) => element(changed),
    }
}

/// Refuses an empty name, and a name with a NUL, at which the kernel would truncate it.
fn name(name: &str) -> Validated {
    if name.is_empty() || name.contains('\0') {
        return Err("a name is empty or contains a NUL");
    }
    Ok(())
}

fn comment(comment: Option<&str>) -> Validated {
    let Some(text) = comment else { return Ok(()) };
    if text.len() > MAX_COMMENT {
        return Err("the comment is longer than 128 bytes, the limit of nft");
    }
    if text.chars().any(|char| char == '"' || char.is_control()) {
        return Err("the comment contains a quotation mark or a control character, which nft \
                    cannot parse in its own listing");
    }
    Ok(())
}

fn set(set: &Set) -> Validated {
    name(&set.name)?;
    comment(set.comment.as_deref())?;
    match set.key.len() {
        0 => Err("the key has no fields"),
        1 if set.interval && set.key[0] == DataType::Ifname => {
            Err("names of links, in the byte order of the host, have no intervals")
        }
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
            // The kernel takes the ends of such an interval one by one.
            if matches!(&fields[..], [(first, last)] if first > last) {
                return Err("the last value of an interval is before its first one");
            }
            fields.len()
        }
    };
    if count == 0 {
        return Err("the key has no fields");
    }
    match &element.value {
        Some(Value::Data(fields)) => fields.iter().try_for_each(field),
        Some(Value::Verdict(value)) => verdict(value),
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

fn rule(rule: &Rule, family: Family) -> Validated {
    name(&rule.chain)?;
    comment(rule.comment.as_deref())?;
    rule.statements.iter().try_for_each(|statement| match statement {
        Statement::Match { left, right, .. } => comparison(*left, right),
        Statement::InSet { left, set: SetRef::Anonymous(fields), .. } => {
            anonymous_set(left, fields)
        }
        Statement::InSet { left, set: SetRef::Named(set), .. } => lookup(left, set),
        Statement::VerdictMap { left, map } | Statement::Dnat { left, map, .. } => {
            lookup(left, map)
        }
        Statement::Verdict(value) => verdict(value),
        Statement::CtState(states) => ct_state(states),
        Statement::Limit(value) => limit(value),
        Statement::Log(value) => log(value),
        Statement::Reject(value) => reject(*value, family, rule),
        Statement::Raw { expression, .. } => name(&expression.name),
        Statement::FibDaddrLocal
        | Statement::CtStatusDnat
        | Statement::Masquerade
        | Statement::Counter => Ok(()),
    })
}

fn ct_state(states: &[CtState]) -> Validated {
    if states.is_empty() { Err("there is no state to match") } else { Ok(()) }
}

fn limit(limit: &Limit) -> Validated {
    if limit.rate == 0 { Err("the rate of a limit is 0") } else { Ok(()) }
}

fn log(log: &Log) -> Validated {
    /// The kernel's buffer, with a NUL at the end.
    const MAX_PREFIX: usize = 127;
    match log.prefix.as_deref() {
        Some("") => Err("the prefix of a log is empty"),
        Some(prefix) if prefix.len() > MAX_PREFIX => {
            Err("the prefix of a log is longer than 127 bytes")
        }
        prefix => comment(prefix),
    }
}

fn reject(reject: Reject, family: Family, rule: &Rule) -> Validated {
    const TCP: Field = Field::Proto(6);
    let is_tcp = |statement: &Statement| {
        matches!(statement, Statement::Match {
            left: Selector::L4Proto, op: Op::Eq, right: Operand::Value(protocol),
        } if *protocol == TCP)
    };
    match reject {
        Reject::TcpReset if !rule.statements.iter().any(is_tcp) => {
            Err("a TCP reset requires a match of TCP in the same rule: meta l4proto tcp")
        }
        Reject::AdminProhibited if matches!(family, Family::Ip | Family::Ip6) => {
            Err("admin-prohibited requires a table for both IPv4 and IPv6, as of family inet")
        }
        _ => Ok(()),
    }
}

fn lookup(left: &[Selector], set: &str) -> Validated {
    if left.is_empty() { Err("the lookup has no key") } else { name(set) }
}

fn comparison(left: Selector, right: &Operand) -> Validated {
    match right {
        Operand::Value(value) if value.data_type() == left.data_type() => field(value),
        Operand::Prefix(address @ (Field::Ipv4(_) | Field::Ipv6(_)), bits)
            if address.data_type() == left.data_type()
                && usize::from(*bits) <= 8 * address.data_type().length() =>
        {
            Ok(())
        }
        _ => Err("the operands of a match have different types"),
    }
}

fn anonymous_set(left: &[Selector], fields: &[Field]) -> Validated {
    let [left] = left else { return Err("the key of an anonymous set must have one field") };
    if fields.is_empty() {
        return Err("an anonymous set is empty");
    }
    let is_wildcard = |field: &Field| matches!(field, Field::Ifname(name) if name.ends_with('*'));
    // A set of one value is compiled to a comparison, which can match a prefix.
    if fields.len() > 1 && fields.iter().any(is_wildcard) {
        return Err("a link's name that ends in * is not allowed in a set of several names");
    }
    fields.iter().try_for_each(|field| comparison(*left, &Operand::Value(field.clone())))
}
