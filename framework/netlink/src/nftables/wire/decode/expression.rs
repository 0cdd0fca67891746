//! Decodes the expressions of a rule.

use crate::attribute::{Attribute, Attributes};
use crate::error::Malformed;
use crate::nftables::data::Verdict;
use crate::nftables::expression::{Expression, RawExpression};
use crate::nftables::statement::SetRef;
use crate::nftables::wire::decode::attributes::{AttributeTable, text};
use crate::nftables::wire::uapi::{data, expression as wire, verdict};

/// The attributes of an expression. Those of all known expressions have types below 8.
type ExpressionAttributes<'a> = AttributeTable<'a, 8>;

/// Reads the expressions of a rule. An expression that is unknown or malformed, or has unknown
/// attributes, becomes an [`Expression::Raw`].
pub(super) fn list(items: Attributes<'_>) -> Result<Vec<Expression>, Malformed> {
    let mut expressions = Vec::new();
    for item in items {
        let item = AttributeTable::<3>::of(item?.nested())?;
        let name = item.get(wire::NAME).ok_or(Malformed("an expression without a name"))?.text();
        let data = item.get(wire::DATA);
        let attributes =
            ExpressionAttributes::of(data.map_or(Attributes::new(&[]), |data| data.nested()));
        match attributes.and_then(|attributes| read(name, &attributes)) {
            Ok(Some(Decoded::NoOp)) => {}
            Ok(Some(Decoded::Expression(expression))) => expressions.push(expression),
            Ok(None) | Err(_) => expressions.push(Expression::Raw(RawExpression {
                name: text(name),
                data: data.map(|data| data.payload.to_vec()).unwrap_or_default(),
            })),
        }
    }
    Ok(expressions)
}

enum Decoded {
    Expression(Expression),
    /// A conversion of one byte to network byte order, which nft adds and which has no effect.
    NoOp,
}

fn read(name: &[u8], attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    let expression = match name {
        b"meta" => Expression::Meta {
            key: attributes.required(wire::META_KEY)?,
            register: attributes.required(wire::META_TO)?,
        },
        b"payload" => Expression::Payload {
            base: attributes.required(wire::PAYLOAD_BASE)?,
            offset: attributes.required(wire::PAYLOAD_OFFSET)?,
            length: attributes.required(wire::PAYLOAD_LENGTH)?,
            register: attributes.required(wire::PAYLOAD_TO)?,
        },
        b"ct" => Expression::Ct {
            key: attributes.required(wire::CT_KEY)?,
            direction: attributes.get(wire::CT_DIRECTION).map(|byte| byte.u8()).transpose()?,
            register: attributes.required(wire::CT_TO)?,
        },
        b"fib" => Expression::Fib {
            result: attributes.required(wire::FIB_RESULT)?,
            flags: attributes.required(wire::FIB_FLAGS)?,
            register: attributes.required(wire::FIB_TO)?,
        },
        b"cmp" => Expression::Compare {
            register: attributes.required(wire::COMPARE_FROM)?,
            op: attributes.required(wire::COMPARE_OP)?,
            value: value(attributes, wire::COMPARE_DATA)?,
        },
        b"bitwise" => return mask(attributes),
        b"lookup" => return lookup(attributes),
        b"immediate" => return immediate(attributes),
        b"nat" => return nat(attributes),
        // With flags or a range of ports, it is not a plain `masquerade`.
        b"masq" if (1..=3).any(|kind| attributes.get(kind).is_some()) => return Ok(None),
        b"masq" => Expression::Masquerade,
        b"counter" => Expression::Counter {
            packets: large(attributes, wire::COUNTER_PACKETS)?,
            bytes: large(attributes, wire::COUNTER_BYTES)?,
        },
        b"limit" => Expression::Limit {
            rate: large(attributes, wire::LIMIT_RATE)?,
            seconds: large(attributes, wire::LIMIT_UNIT)?,
            burst: attributes.number(wire::LIMIT_BURST)?.unwrap_or_default(),
            kind: attributes.number(wire::LIMIT_TYPE)?.unwrap_or_default(),
            flags: attributes.number(wire::LIMIT_FLAGS)?.unwrap_or_default(),
        },
        b"log" => return log(attributes),
        b"reject" => Expression::Reject {
            kind: attributes.required(wire::REJECT_TYPE)?,
            code: attributes.get(wire::REJECT_CODE).map(|byte| byte.u8()).transpose()?,
        },
        b"byteorder" => return Ok(byte_order(attributes)),
        _ => return Ok(None),
    };
    Ok(Some(Decoded::Expression(expression)))
}

fn large(attributes: &ExpressionAttributes<'_>, kind: u16) -> Result<u64, Malformed> {
    attributes.get(kind).ok_or(Malformed("a number is missing"))?.u64_be()
}

fn log(attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    if [wire::LOG_SNAPLEN, wire::LOG_THRESHOLD].iter().any(|kind| attributes.get(*kind).is_some())
        || attributes.number(wire::LOG_FLAGS)?.unwrap_or_default() != 0
    {
        return Ok(None);
    }
    Ok(Some(Decoded::Expression(Expression::Log {
        prefix: attributes.text(wire::LOG_PREFIX),
        level: attributes.number(wire::LOG_LEVEL)?,
        group: attributes.get(wire::LOG_GROUP).map(|group| group.u16_be()).transpose()?,
    })))
}

fn value(attributes: &ExpressionAttributes<'_>, kind: u16) -> Result<Vec<u8>, Malformed> {
    let attribute = attributes.get(kind).ok_or(Malformed("an expression without data"))?;
    let inside = AttributeTable::<3>::of(attribute.nested())?;
    let value = inside.get(data::VALUE).ok_or(Malformed("data without a value"))?;
    Ok(value.payload.to_vec())
}

fn mask(attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    let register = attributes.required(wire::MASK_FROM)?;
    let is_in_place = register == attributes.required(wire::MASK_TO)?;
    let is_mask = attributes.number(wire::MASK_OPERATION)?.unwrap_or_default() == 0;
    if !is_in_place || !is_mask || value(attributes, wire::MASK_XOR)?.iter().any(|byte| *byte != 0)
    {
        return Ok(None);
    }
    let mask = value(attributes, wire::MASK_AND)?;
    Ok(Some(Decoded::Expression(Expression::Mask { register, mask })))
}

fn lookup(attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    let flags = attributes.number(wire::LOOKUP_FLAGS)?.unwrap_or_default();
    let set = attributes.text(wire::LOOKUP_SET).ok_or(Malformed("a lookup without a set"))?;
    if flags & !wire::LOOKUP_INVERTED != 0 {
        return Ok(None);
    }
    Ok(Some(Decoded::Expression(Expression::Lookup {
        set: SetRef::Named(set),
        register: attributes.required(wire::LOOKUP_FROM)?,
        to: attributes.number(wire::LOOKUP_TO)?,
        inverted: flags != 0,
    })))
}

fn immediate(attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    let data =
        attributes.get(wire::IMMEDIATE_DATA).ok_or(Malformed("an immediate without data"))?;
    let inside = AttributeTable::<3>::of(data.nested())?;
    if let Some(value) = inside.get(data::VALUE) {
        let register = attributes.required(wire::IMMEDIATE_TO)?;
        let value = value.payload.to_vec();
        return Ok(Some(Decoded::Expression(Expression::Immediate { register, value })));
    }
    let verdict = inside.get(data::VERDICT).map(verdict).transpose()?;
    Ok(verdict.flatten().map(|verdict| Decoded::Expression(Expression::Verdict(verdict))))
}

/// Reads a verdict. Returns `None` if it is unknown.
pub(super) fn verdict(attribute: Attribute<'_>) -> Result<Option<Verdict>, Malformed> {
    let inside = AttributeTable::<3>::of(attribute.nested())?;
    let chain = || inside.text(data::VERDICT_CHAIN).ok_or(Malformed("a jump without a chain"));
    Ok(Some(match inside.required(data::VERDICT_CODE)?.cast_signed() {
        verdict::DROP => Verdict::Drop,
        verdict::ACCEPT => Verdict::Accept,
        verdict::RETURN => Verdict::Return,
        verdict::JUMP => Verdict::Jump(chain()?),
        verdict::GOTO => Verdict::Goto(chain()?),
        _ => return Ok(None),
    }))
}

fn nat(attributes: &ExpressionAttributes<'_>) -> Result<Option<Decoded>, Malformed> {
    let flags = attributes.number(wire::NAT_FLAGS)?.unwrap_or_default();
    let address = attributes.number(wire::NAT_ADDRESS)?;
    let port = attributes.number(wire::NAT_PORT)?;
    // The kernel lists a single address or port as a range with equal ends.
    let ends = (attributes.number(wire::NAT_ADDRESS_MAX)?, attributes.number(wire::NAT_PORT_MAX)?);
    let is_single =
        ends.0.is_none_or(|end| Some(end) == address) && ends.1.is_none_or(|end| Some(end) == port);
    let (Some(address), true) = (address, is_single && flags & !wire::NAT_REGISTER_FLAGS == 0)
    else {
        return Ok(None);
    };
    Ok(Some(Decoded::Expression(Expression::Nat {
        kind: attributes.required(wire::NAT_TYPE)?,
        family: attributes.required(wire::NAT_FAMILY)?,
        address,
        port,
    })))
}

fn byte_order(attributes: &ExpressionAttributes<'_>) -> Option<Decoded> {
    let register = |kind| attributes.number(kind).ok().flatten();
    let is_in_place = register(wire::BYTE_ORDER_FROM) == register(wire::BYTE_ORDER_TO);
    (is_in_place && register(wire::BYTE_ORDER_LENGTH) == Some(1)).then_some(Decoded::NoOp)
}
