//! Explains refusals: the operation, the probable cause, and what to do.

use crate::attribute::{Attribute, Attributes, align};
use crate::error::{Cause, Error, Refusal, errno};
use crate::message::{HEADER, Messages};
use crate::nftables::chain::ChainType;
use crate::nftables::data::{Value, Verdict};
use crate::nftables::expression::Expression;
use crate::nftables::set::Element;
use crate::nftables::statement::SetRef;
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::encode;
use crate::nftables::wire::encode::encoder::FirstOperations;
use crate::nftables::wire::uapi::{element, rule};

const NO_NF_TABLES: &str = "this kernel lacks nf_tables (module nf_tables)";

/// Explains the refusal of a request that every kernel with nf_tables supports.
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

/// Explains an error that concerns a whole transaction.
pub(super) fn whole(transaction: &Transaction, cause: Cause) -> Error {
    let cause = match cause {
        Cause::Refused(refusal) if refusal.errno == errno::ERESTART => Cause::Explained {
            refusal,
            advice: "the ruleset has changed since it was read, maybe by another program; read it \
                     again"
                .to_owned(),
        },
        other => lacking(other),
    };
    cause.during("change", format!("table {}", transaction.table))
}

/// Explains the refusal of one of the messages that were sent.
pub(super) fn refusal(
    transaction: &Transaction,
    first_operations: &FirstOperations,
    sent: &[u8],
    number: usize,
    refusal: Refusal,
) -> Error {
    let place = Location::of(sent, number, refusal.offset);
    let first = number.checked_sub(1).and_then(|number| first_operations.get(number)).copied();
    let item = place.as_ref().and_then(Location::element).unwrap_or_default();
    // The elements of an anonymous set are not operations.
    let operation = first.and_then(|first| match transaction.operations.get(first)? {
        Operation::AddElement(_) | Operation::DeleteElement(_) => {
            of_item(transaction.operations.get(first..)?, item)
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

/// Returns the operation that the list item at this index was written for.
fn of_item(operations: &[Operation], mut item: usize) -> Option<&Operation> {
    operations.iter().find(|operation| {
        let (Operation::AddElement(element) | Operation::DeleteElement(element)) = operation else {
            return false;
        };
        let items = encode::element::items(element);
        let is_here = item < items;
        item = item.saturating_sub(items);
        is_here
    })
}

/// The attribute of a message to which a refusal refers.
struct Location<'a> {
    /// The outermost attribute.
    attribute: Attribute<'a>,
    /// The number of the list item in it.
    item: Option<usize>,
}

impl<'a> Location<'a> {
    fn of(sent: &'a [u8], number: usize, offset: Option<u32>) -> Option<Self> {
        /// The length of the header before the attributes.
        const NETFILTER_HEADER: usize = 4;
        let message = Messages::new(sent).nth(number)?.ok()?;
        let at = usize::try_from(offset?).ok()?.checked_sub(HEADER + NETFILTER_HEADER)?;
        let (_, attribute, inside) = containing(message.payload.get(NETFILTER_HEADER..)?, at)?;
        let item = inside.and_then(|inside| containing(attribute.payload, inside));
        Some(Self { attribute, item: item.map(|(number, ..)| number) })
    }

    /// Returns the number of the element in the message.
    fn element(&self) -> Option<usize> {
        self.item.filter(|_| self.attribute.kind == element::ELEMENTS)
    }
}

/// Finds the attribute of a list that contains the byte at an offset. Returns its number, the
/// attribute, and the offset in its payload.
fn containing(list: &[u8], at: usize) -> Option<(usize, Attribute<'_>, Option<usize>)> {
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
    place: Option<&Location<'_>>,
    errno: i32,
) -> Option<String> {
    let attribute = place.map(|place| place.attribute.kind);
    // The first attribute of every message is the table's name, the second the container's name.
    let advice = match (errno, operation) {
        (errno::ENOENT, _) if attribute == Some(1) => {
            return Some(format!("table {} does not exist", transaction.table));
        }
        (errno::ENOENT, Operation::AddElement(element) | Operation::DeleteElement(element)) => {
            return Some(missing(element, attribute));
        }
        (errno::EEXIST, Operation::AddElement(_)) => {
            "an element with this key, or an overlapping one, exists with another value"
        }
        (errno::EEXIST, _) => "it exists with another definition",
        (errno::EBUSY, Operation::AddElement(_)) => "its set is anonymous and can't be changed",
        (errno::EBUSY, _) => "it is still referenced",
        (errno::EMLINK, _) => "jumps between chains form a loop or are more than 16 levels deep",
        (errno::ENOENT | errno::EOPNOTSUPP | errno::EINVAL, operation) => {
            return unsupported(transaction, operation, place);
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

fn missing(element: &Element, attribute: Option<u16>) -> String {
    if attribute == Some(element::SET) {
        return format!("set or map {} does not exist", element.set);
    }
    match &element.value {
        Some(Value::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain))) => {
            format!("chain {chain} does not exist")
        }
        _ => "the element does not exist".to_owned(),
    }
}

fn unsupported(
    transaction: &Transaction,
    operation: &Operation,
    place: Option<&Location<'_>>,
) -> Option<String> {
    let advice = match operation {
        Operation::AddTable { .. } => {
            format!("this kernel may lack nf_tables for family {}", transaction.table.family)
        }
        Operation::AddChain(chain) => {
            let kind = chain.base?.kind;
            let needs = if kind == ChainType::Nat { " (module nft_chain_nat)" } else { "" };
            format!(
                "it exists with another type, hook or priority, or this kernel lacks chains of \
                 type {kind}{needs}"
            )
        }
        Operation::AddSet(set) if set.interval && set.key.len() > 1 => {
            "intervals in concatenations require Linux 5.6".to_owned()
        }
        Operation::AddElement(element) | Operation::DeleteElement(element) => {
            format!("its key or its value probably does not have the types of {}", element.set)
        }
        Operation::AddRule(rule) | Operation::InsertRule(rule) => {
            let place = place.filter(|place| place.attribute.kind == rule::EXPRESSIONS)?;
            let expressions = rule.expressions(transaction.table.family);
            of_expression(expressions.get(place.item?)?)
        }
        _ => return None,
    };
    Some(advice)
}

/// Returns the probable cause if an expression is refused.
fn of_expression(expression: &Expression) -> String {
    let module = match expression {
        Expression::Lookup { set: SetRef::Named(name), .. } => {
            return format!("set or map {name} probably does not exist or has other types");
        }
        Expression::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => {
            return format!("chain {chain} probably does not exist or is not a valid target here");
        }
        Expression::Nat { .. } => "nft_nat; only in chains of type nat",
        Expression::Masquerade => "nft_masq; only in chains of type nat at postrouting",
        Expression::Fib { .. } => "nft_fib, and nft_fib_inet, nft_fib_ipv4 or nft_fib_ipv6",
        Expression::Ct { .. } => "nft_ct",
        Expression::Limit { .. } => "nft_limit",
        Expression::Log { .. } => "nft_log, and nf_log_syslog or nfnetlink_log",
        Expression::Reject { .. } => "nft_reject, and nft_reject_inet, _ipv4 or _ipv6",
        Expression::Raw(raw) => {
            return format!(
                "the attributes of its expression `{}` are probably wrong, or a kernel module is \
                 missing",
                raw.name
            );
        }
        _ => "nf_tables",
    };
    format!("its expression `{}` requires the kernel module {module}", expression.name())
}
