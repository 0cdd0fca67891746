//! Decodes the kernel's replies. Arbitrary bytes are read without panicking, and unknown attributes
//! are skipped.

mod attributes;
pub(in crate::nftables) mod element;
mod expression;
pub(in crate::nftables) mod interval;
pub(in crate::nftables) mod rule_view;

use crate::attribute::Attribute;
use crate::error::Malformed;
use crate::nftables::chain::InstalledRule;
use crate::nftables::chain::{BaseChain, ChainInfo, ChainType, Hook, Policy};
use crate::nftables::data::DataType;
use crate::nftables::ruleset::Generation;
use crate::nftables::set::{Set, ValueType};
use crate::nftables::table::{Family, Table, TableInfo};
use crate::nftables::wire::decode::attributes::{AttributeTable, text};
use crate::nftables::wire::decode::element::elements;
use crate::nftables::wire::decode::rule_view::RuleView;
use crate::nftables::wire::uapi::{chain, generation, rule, table};

pub(in crate::nftables) fn generation(payload: &[u8]) -> Result<Generation, Malformed> {
    let attributes = AttributeTable::<2>::of_payload(payload)?;
    attributes.required(generation::ID).map(Generation)
}

pub(in crate::nftables) fn table_info(payload: &[u8]) -> Result<TableInfo, Malformed> {
    let attributes = AttributeTable::<7>::of_payload(payload)?;
    let objects = attributes.number(table::USE)?.unwrap_or_default();
    Ok(TableInfo { objects, comment: attributes.comment(table::USERDATA) })
}

/// Reads the identity of a table, if none of its chains is executed.
pub(in crate::nftables) fn dormant_table(payload: &[u8]) -> Result<Option<Table>, Malformed> {
    let family = payload.first().and_then(|number| Family::of_number(*number));
    let attributes = AttributeTable::<7>::of_payload(payload)?;
    let flags = attributes.number(table::FLAGS)?.unwrap_or_default();
    let is_dormant = flags & table::DORMANT != 0;
    let name = attributes.text(table::NAME).filter(|_| is_dormant);
    Ok(family.zip(name).map(|(family, name)| Table::new(family, name)))
}

/// Reads the name of a chain's table.
pub(in crate::nftables) fn table_of_chain(payload: &[u8]) -> Result<Option<String>, Malformed> {
    Ok(AttributeTable::<2>::of_payload(payload)?.text(chain::TABLE))
}

/// Reads a chain. Returns `None` if it belongs to another table.
pub(in crate::nftables) fn chain_info(
    payload: &[u8],
    table: &str,
) -> Result<Option<ChainInfo>, Malformed> {
    let attributes = AttributeTable::<13>::of_payload(payload)?;
    if !attributes.is(chain::TABLE, table) {
        return Ok(None);
    }
    let name = attributes.text(chain::NAME).ok_or(Malformed("a chain without a name"))?;
    let references = attributes.number(chain::USE)?.unwrap_or_default();
    let comment = attributes.comment(chain::USERDATA);
    let family = payload.first().and_then(|number| Family::of_number(*number));
    let (base, devices) = match (family, attributes.get(chain::HOOK)) {
        (Some(family), Some(hook)) => base_chain(&attributes, hook, family)?,
        _ => (None, Vec::new()),
    };
    Ok(Some(ChainInfo { name, base, devices, references, comment }))
}

/// Reads the properties of a base chain, which are `None` if the type or the hook is unknown, and
/// its devices.
fn base_chain(
    attributes: &AttributeTable<'_, 13>,
    hook: Attribute<'_>,
    family: Family,
) -> Result<(Option<BaseChain>, Vec<String>), Malformed> {
    let hook = AttributeTable::<5>::of(hook.nested())?;
    let number = hook.required(chain::HOOK_NUMBER)?;
    let priority = hook.required(chain::HOOK_PRIORITY)?.cast_signed();
    let kind = attributes.get(chain::TYPE).and_then(|kind| ChainType::of_name(kind.text()));
    let policy = match attributes.number(chain::POLICY)? {
        Some(0) => Policy::Drop,
        _ => Policy::Accept,
    };
    let mut devices: Vec<String> = hook.text(chain::HOOK_DEVICE).into_iter().collect();
    // It repeats the single device.
    if let Some(list) = hook.get(chain::HOOK_DEVICES) {
        let names: Result<_, Malformed> =
            list.nested().map(|item| Ok(text(item?.text()))).collect();
        devices = names?;
    }
    let hook = Hook::of_number(number, family);
    let base = kind.zip(hook).map(|(kind, hook)| BaseChain { kind, hook, priority, policy });
    Ok((base, devices))
}

/// Reads a rule. Returns `None` if it belongs to another table.
pub(in crate::nftables) fn installed_rule(
    payload: &[u8],
    table: &str,
) -> Result<Option<InstalledRule>, Malformed> {
    let attributes = AttributeTable::<8>::of_payload(payload)?;
    if !attributes.is(rule::TABLE, table) {
        return Ok(None);
    }
    let chain = attributes.text(rule::CHAIN).ok_or(Malformed("a rule without a chain"))?;
    let handle =
        attributes.get(rule::HANDLE).ok_or(Malformed("a rule without a handle"))?.u64_be()?;
    let expressions = attributes.get(rule::EXPRESSIONS).map(|list| expression::list(list.nested()));
    Ok(Some(InstalledRule {
        chain,
        handle,
        expressions: expressions.transpose()?.unwrap_or_default(),
        comment: attributes.comment(rule::USERDATA),
    }))
}

/// Decodes bytes as every type of message, and as elements of sets of all types. For fuzzing.
pub(in crate::nftables) fn as_every_type(payload: &[u8]) {
    let table =
        AttributeTable::<2>::of_payload(payload).ok().and_then(|attributes| attributes.text(1));
    let table = table.unwrap_or_default();
    let _ = generation(payload);
    let _ = (table_info(payload), dormant_table(payload));
    let _ = (chain_info(payload, &table), table_of_chain(payload));
    let _ = element::raw_elements(payload);
    if let Ok(Some(rule)) = installed_rule(payload, &table) {
        let _ = rule.to_string();
    }
    if let Ok(Some(rule)) = RuleView::read(payload, &Table::inet(&*table), None) {
        let _ = (rule.chain(), rule.comment(), rule.target());
    }
    let types = [
        DataType::InetProto,
        DataType::InetService,
        DataType::Ipv4Addr,
        DataType::Ipv6Addr,
        DataType::Ifname,
    ];
    let values = [ValueType::None, ValueType::Verdict, ValueType::Data(vec![types[2], types[1]])];
    for (first, value) in types.iter().zip(values.iter().cycle()) {
        for interval in [false, true] {
            let (key, value) = (vec![*first, types[1]], value.clone());
            let set = Set { name: "s".to_owned(), key, value, interval, comment: None };
            let _ = elements(payload, &set);
        }
    }
}
