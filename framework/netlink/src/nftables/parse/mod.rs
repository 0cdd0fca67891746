//! The kernel's answers. Any bytes are read without panicking; attributes that are not known are passed over.

mod element;
mod expression;

pub(super) use element::elements;

use super::wire::{chain, generation, rule, table, userdata};
use super::{
    BaseChain, ChainInfo, ChainType, DataType, Generation, Hook, InstalledRule, Policy, Set,
    TableInfo, ValueType,
};
use crate::Malformed;
use crate::attribute::{Attribute, Attributes};
use crate::message::split;

/// The attributes of a list by their type, the last of each; those of types beyond `N` are left out.
pub(super) struct Table<'a, const N: usize>([Option<Attribute<'a>>; N]);

impl<'a, const N: usize> Table<'a, N> {
    pub(super) fn of(list: Attributes<'a>) -> Result<Self, Malformed> {
        let mut table = [None; N];
        for attribute in list {
            let attribute = attribute?;
            if let Some(place) = table.get_mut(usize::from(attribute.kind)) {
                *place = Some(attribute);
            }
        }
        Ok(Self(table))
    }

    /// Those of a message with netfilter's header.
    fn of_payload(payload: &'a [u8]) -> Result<Self, Malformed> {
        split::<4>(payload).and_then(|(_, attributes)| Self::of(attributes))
    }

    pub(super) fn get(&self, kind: u16) -> Option<Attribute<'a>> {
        self.0.get(usize::from(kind)).copied().flatten()
    }

    /// A number in network byte order.
    pub(super) fn number(&self, kind: u16) -> Result<Option<u32>, Malformed> {
        self.get(kind).map(|attribute| attribute.u32_be()).transpose()
    }

    /// A number that must be there.
    fn given(&self, kind: u16) -> Result<u32, Malformed> {
        self.number(kind)?.ok_or(Malformed("a number is missing"))
    }

    fn text(&self, kind: u16) -> Option<String> {
        self.get(kind).map(|attribute| text(attribute.text()))
    }

    fn is(&self, kind: u16, value: &str) -> bool {
        self.get(kind).is_some_and(|attribute| attribute.text() == value.as_bytes())
    }

    /// The comment among what nft keeps with an object.
    pub(super) fn comment(&self, kind: u16) -> Option<String> {
        comment(self.get(kind)?.payload)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Other tools keep other things here, and none of them is an error.
fn comment(mut bytes: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == userdata::COMMENT {
            return value.split(|byte| *byte == 0).next().map(text);
        }
        bytes = &rest[value.len()..];
    }
    None
}

pub(super) fn generation(payload: &[u8]) -> Result<Generation, Malformed> {
    let known = Table::<2>::of_payload(payload)?;
    known.given(generation::ID).map(Generation)
}

pub(super) fn table_info(payload: &[u8]) -> Result<TableInfo, Malformed> {
    let known = Table::<7>::of_payload(payload)?;
    let objects = known.number(table::USE)?.unwrap_or_default();
    Ok(TableInfo { objects, comment: known.comment(table::USERDATA) })
}

/// A chain of this table; `None`: of another.
pub(super) fn chain_info(payload: &[u8], table: &str) -> Result<Option<ChainInfo>, Malformed> {
    let known = Table::<13>::of_payload(payload)?;
    if !known.is(chain::TABLE, table) {
        return Ok(None);
    }
    let name = known.text(chain::NAME).ok_or(Malformed("a chain without a name"))?;
    let references = known.number(chain::USE)?.unwrap_or_default();
    let comment = known.comment(chain::USERDATA);
    Ok(Some(ChainInfo { name, base: base(&known)?, references, comment }))
}

fn base(known: &Table<'_, 13>) -> Result<Option<BaseChain>, Malformed> {
    let Some(hook) = known.get(chain::HOOK) else { return Ok(None) };
    let at = Table::<3>::of(hook.nested())?;
    let number = at.given(chain::HOOK_NUMBER)?;
    let priority = at.given(chain::HOOK_PRIORITY)?.cast_signed();
    let kind = known.get(chain::TYPE).and_then(|kind| ChainType::of_name(kind.text()));
    let policy = match known.number(chain::POLICY)? {
        Some(0) => Policy::Drop,
        _ => Policy::Accept,
    };
    let hook = Hook::of_number(number);
    Ok(kind.zip(hook).map(|(kind, hook)| BaseChain { kind, hook, priority, policy }))
}

/// A rule of this table; `None`: of another.
pub(super) fn installed_rule(
    payload: &[u8],
    table: &str,
) -> Result<Option<InstalledRule>, Malformed> {
    let known = Table::<8>::of_payload(payload)?;
    if !known.is(rule::TABLE, table) {
        return Ok(None);
    }
    let chain = known.text(rule::CHAIN).ok_or(Malformed("a rule without a chain"))?;
    let handle = known.get(rule::HANDLE).ok_or(Malformed("a rule without a handle"))?.u64_be()?;
    let steps = known.get(rule::EXPRESSIONS).map(|list| expression::list(list.nested()));
    Ok(Some(InstalledRule {
        chain,
        handle,
        expressions: steps.transpose()?.unwrap_or_default(),
        comment: known.comment(rule::USERDATA),
    }))
}

/// Reads the bytes as every kind of message, and the elements as those of sets of every type.
pub(super) fn anything(payload: &[u8]) {
    const TABLE: &str = "mesos-cni-port-mapper";
    let _ = generation(payload);
    let _ = table_info(payload);
    let _ = chain_info(payload, TABLE);
    if let Ok(Some(rule)) = installed_rule(payload, TABLE) {
        let _ = rule.to_string();
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
