//! Refusals in words: which operation, what that means here, what to do.

use crate::attribute::{Attribute, Attributes, align};
use crate::error::{Cause, Error, Refusal, errno};
use crate::message::{HEADER, Messages};
use crate::nftables::chain::ChainType;
use crate::nftables::data::{Value, Verdict};
use crate::nftables::expression::Expression;
use crate::nftables::set::Element;
use crate::nftables::statement::SetRef;
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::encode::encoder::Marks;
use crate::nftables::wire::uapi::{element, rule};

const NO_NF_TABLES: &str = "this kernel lacks nf_tables (module nf_tables)";

/// Of a question that every kernel with nf_tables understands.
pub(super) fn lacking(cause: Cause) -> Cause {
    match cause {
        Cause::Refused(refusal)
            if matches!(refusal.errno, errno::EINVAL | errno::EOPNOTSUPP | errno::EAFNOSUPPORT) =>
        {
            Cause::Explained { refusal, advice: NO_NF_TABLES.to_owned() }
        }
        other => other,
    }
}

/// What concerns all of a transaction.
pub(super) fn whole(transaction: &Transaction, cause: Cause) -> Error {
    let cause = match cause {
        Cause::Refused(refusal) if refusal.errno == errno::ERESTART => Cause::Explained {
            refusal,
            advice: "the ruleset was changed meanwhile, maybe by another program; read it again"
                .to_owned(),
        },
        other => lacking(other),
    };
    cause.during("change", format!("table {}", transaction.table))
}

/// The refusal of the message with this number, among those that were sent.
pub(super) fn refusal(
    transaction: &Transaction,
    marks: &Marks,
    sent: &[u8],
    number: usize,
    refusal: Refusal,
) -> Error {
    let place = Place::of(sent, number, refusal.offset);
    let at = number.checked_sub(1).and_then(|number| marks.get(number)).copied();
    let element = place.as_ref().and_then(Place::element).unwrap_or_default();
    // A rule's own set has elements, but they are no operations.
    let operation = at.and_then(|at| match transaction.operations.get(at)? {
        Operation::AddElement(_) | Operation::DeleteElement(_) => {
            transaction.operations.get(at + element)
        }
        other => Some(other),
    });
    let Some(operation) = operation else { return whole(transaction, Cause::Refused(refusal)) };
    let cause = match advice(transaction, operation, place.as_ref(), refusal.errno) {
        Some(advice) => Cause::Explained { refusal, advice },
        None => Cause::Refused(refusal),
    };
    cause.during(operation.verb(), transaction.name(operation))
}

/// Which attribute of a message the kernel did not like.
struct Place<'a> {
    /// The outermost attribute.
    attribute: Attribute<'a>,
    /// The number of the item in it.
    item: Option<usize>,
}

impl<'a> Place<'a> {
    fn of(sent: &'a [u8], number: usize, offset: Option<u32>) -> Option<Self> {
        /// Before the attributes.
        const BEFORE: usize = 4;
        let message = Messages::new(sent).nth(number)?.ok()?;
        let at = usize::try_from(offset?).ok()?.checked_sub(HEADER + BEFORE)?;
        let (_, attribute, inside) = holding(message.payload.get(BEFORE..)?, at)?;
        let item = inside.and_then(|inside| holding(attribute.payload, inside));
        Some(Self { attribute, item: item.map(|(number, ..)| number) })
    }

    /// Which element of the message.
    fn element(&self) -> Option<usize> {
        self.item.filter(|_| self.attribute.kind == element::ELEMENTS)
    }
}

/// The attribute of a list that holds a byte: its number, itself, and the byte's place in its payload.
fn holding(list: &[u8], at: usize) -> Option<(usize, Attribute<'_>, Option<usize>)> {
    const HEAD: usize = 4;
    let mut start = 0;
    for (number, attribute) in Attributes::new(list).map_while(Result::ok).enumerate() {
        let end = start + align(HEAD + attribute.payload.len());
        if at < end {
            return Some((number, attribute, at.checked_sub(start + HEAD)));
        }
        start = end;
    }
    None
}

fn advice(
    transaction: &Transaction,
    operation: &Operation,
    place: Option<&Place<'_>>,
    errno: i32,
) -> Option<String> {
    let attribute = place.map(|place| place.attribute.kind);
    // The first attribute of every message is the table's name, the second that of what it is in.
    let advice = match (errno, operation) {
        (errno::ENOENT, _) if attribute == Some(1) => {
            return Some(format!("there is no table {}", transaction.table));
        }
        (errno::ENOENT, Operation::AddElement(it) | Operation::DeleteElement(it)) => {
            return Some(missing(it, attribute));
        }
        (errno::EEXIST, Operation::AddElement(_)) => {
            "an element with this key, or one that overlaps it, is there with another value"
        }
        (errno::EEXIST, _) => "it is there already, and different",
        (errno::EBUSY, Operation::AddElement(_)) => "its set can't be changed: a rule owns it",
        (errno::EBUSY, _) => "something still refers to it",
        (errno::EMLINK, _) => "chains lead to each other in a circle, or more than 16 deep",
        (errno::ENOENT | errno::EOPNOTSUPP | errno::EINVAL, operation) => {
            return unsupported(transaction, operation, place);
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

fn missing(element: &Element, attribute: Option<u16>) -> String {
    if attribute == Some(element::SET) {
        return format!("there is no set or map {}", element.set);
    }
    match &element.value {
        Some(Value::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain))) => {
            format!("there is no chain {chain}")
        }
        _ => "there is no such element".to_owned(),
    }
}

fn unsupported(
    transaction: &Transaction,
    operation: &Operation,
    place: Option<&Place<'_>>,
) -> Option<String> {
    let advice = match operation {
        Operation::AddTable { .. } => {
            format!("does this kernel have nf_tables for the family {}?", transaction.table.family)
        }
        Operation::AddChain(chain) => {
            let kind = chain.base?.kind;
            let needs = if kind == ChainType::Nat { " (module nft_chain_nat)" } else { "" };
            format!(
                "it is there already with another type, hook or priority, or this kernel lacks \
                 chains of type {kind}{needs}"
            )
        }
        Operation::AddSet(set) if set.interval => {
            "intervals in concatenations need Linux 5.6".to_owned()
        }
        Operation::AddElement(it) | Operation::DeleteElement(it) => {
            format!("is its key, or its value, of the types of {}?", it.set)
        }
        Operation::AddRule(it) | Operation::InsertRule(it) => {
            let place = place.filter(|place| place.attribute.kind == rule::EXPRESSIONS)?;
            let expressions = it.expressions(transaction.table.family);
            of_expression(expressions.get(place.item?)?)
        }
        _ => return None,
    };
    Some(advice)
}

/// What can be wrong with a rule's step.
fn of_expression(expression: &Expression) -> String {
    let module = match expression {
        Expression::Lookup { set: SetRef::Named(name), .. } => {
            return format!("is there no set or map {name}, or one of other types?");
        }
        Expression::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => {
            return format!("is there no chain {chain}, or may it not be entered from here?");
        }
        Expression::Nat { .. } => "nft_nat; only in chains of type nat",
        Expression::Masquerade => "nft_masq; only in chains of type nat at postrouting",
        Expression::Fib { .. } => "nft_fib, and nft_fib_inet, nft_fib_ipv4 or nft_fib_ipv6",
        Expression::Ct { .. } => "nft_ct",
        _ => "nf_tables",
    };
    format!("its expression `{}` needs the kernel's module {module}", expression.name())
}
