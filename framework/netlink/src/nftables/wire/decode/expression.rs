//! Decodes the expressions of a rule.

use crate::attribute::{Attribute, Attributes};
use crate::error::Malformed;
use crate::nftables::data::Verdict;
use crate::nftables::expression::Expression;
use crate::nftables::statement::SetRef;
use crate::nftables::wire::decode::attributes::{AttributeTable, text};
use crate::nftables::wire::uapi::{data, expression as wire, verdict};

/// The attributes of an expression. No known expression has more.
type Known<'a> = AttributeTable<'a, 8>;

/// Reads the expressions of a rule. One that is unknown, or has an unknown form, is kept by its
/// name.
pub(super) fn list(items: Attributes<'_>) -> Result<Vec<Expression>, Malformed> {
    let mut expressions = Vec::new();
    for item in items {
        let item = AttributeTable::<3>::of(item?.nested())?;
        let name = item.get(wire::NAME).ok_or(Malformed("an expression without a name"))?.text();
        let known =
            Known::of(item.get(wire::DATA).map_or(Attributes::new(&[]), |data| data.nested()));
        match known.and_then(|known| read(name, &known)) {
            Ok(Some(Decoded::NoOp)) => {}
            Ok(Some(Decoded::Expression(expression))) => expressions.push(expression),
            Ok(None) | Err(_) => expressions.push(Expression::Other(text(name))),
        }
    }
    Ok(expressions)
}

enum Decoded {
    Expression(Expression),
    /// nft converts some keys of one byte to network byte order, which has no effect.
    NoOp,
}

fn read(name: &[u8], known: &Known<'_>) -> Result<Option<Decoded>, Malformed> {
    let expression = match name {
        b"meta" => Expression::Meta {
            key: known.required(wire::META_KEY)?,
            register: known.required(wire::META_TO)?,
        },
        b"payload" => Expression::Payload {
            base: known.required(wire::PAYLOAD_BASE)?,
            offset: known.required(wire::PAYLOAD_OFFSET)?,
            length: known.required(wire::PAYLOAD_LENGTH)?,
            register: known.required(wire::PAYLOAD_TO)?,
        },
        b"ct" => Expression::Ct {
            key: known.required(wire::CT_KEY)?,
            direction: known.get(wire::CT_DIRECTION).map(|byte| byte.u8()).transpose()?,
            register: known.required(wire::CT_TO)?,
        },
        b"fib" => Expression::Fib {
            result: known.required(wire::FIB_RESULT)?,
            flags: known.required(wire::FIB_FLAGS)?,
            register: known.required(wire::FIB_TO)?,
        },
        b"cmp" => Expression::Compare {
            register: known.required(wire::COMPARE_FROM)?,
            op: known.required(wire::COMPARE_OP)?,
            value: value(known, wire::COMPARE_DATA)?,
        },
        b"bitwise" => return mask(known),
        b"lookup" => return look_up(known),
        b"immediate" => return immediate(known),
        b"nat" => return nat(known),
        // With a range of ports or flags it is not `masquerade`.
        b"masq" if (1..=3).any(|kind| known.get(kind).is_some()) => return Ok(None),
        b"masq" => Expression::Masquerade,
        b"byteorder" => return Ok(byte_order(known)),
        _ => return Ok(None),
    };
    Ok(Some(Decoded::Expression(expression)))
}

fn value(known: &Known<'_>, kind: u16) -> Result<Vec<u8>, Malformed> {
    let nest = known.get(kind).ok_or(Malformed("an expression without data"))?;
    let inside = AttributeTable::<3>::of(nest.nested())?;
    let value = inside.get(data::VALUE).ok_or(Malformed("data without a value"))?;
    Ok(value.payload.to_vec())
}

fn mask(known: &Known<'_>) -> Result<Option<Decoded>, Malformed> {
    let register = known.required(wire::MASK_FROM)?;
    let is_in_place = register == known.required(wire::MASK_TO)?;
    let is_mask = known.number(wire::MASK_OPERATION)?.unwrap_or_default() == 0;
    if !is_in_place || !is_mask || value(known, wire::MASK_XOR)?.iter().any(|byte| *byte != 0) {
        return Ok(None);
    }
    let mask = value(known, wire::MASK_AND)?;
    Ok(Some(Decoded::Expression(Expression::Mask { register, mask })))
}

fn look_up(known: &Known<'_>) -> Result<Option<Decoded>, Malformed> {
    let flags = known.number(wire::LOOKUP_FLAGS)?.unwrap_or_default();
    let set = known.text(wire::LOOKUP_SET).ok_or(Malformed("a lookup without a set"))?;
    if flags & !wire::LOOKUP_INVERTED != 0 {
        return Ok(None);
    }
    Ok(Some(Decoded::Expression(Expression::Lookup {
        set: SetRef::Named(set),
        register: known.required(wire::LOOKUP_FROM)?,
        to: known.number(wire::LOOKUP_TO)?,
        inverted: flags != 0,
    })))
}

fn immediate(known: &Known<'_>) -> Result<Option<Decoded>, Malformed> {
    let data = known.get(wire::IMMEDIATE_DATA).ok_or(Malformed("an immediate without data"))?;
    let verdict =
        AttributeTable::<3>::of(data.nested())?.get(data::VERDICT).map(verdict).transpose()?;
    Ok(verdict.flatten().map(|verdict| Decoded::Expression(Expression::Verdict(verdict))))
}

/// Reads a verdict. Returns `None` if it is unknown.
pub(super) fn verdict(nest: Attribute<'_>) -> Result<Option<Verdict>, Malformed> {
    let inside = AttributeTable::<3>::of(nest.nested())?;
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

fn nat(known: &Known<'_>) -> Result<Option<Decoded>, Malformed> {
    let flags = known.number(wire::NAT_FLAGS)?.unwrap_or_default();
    let address = known.number(wire::NAT_ADDRESS)?;
    let port = known.number(wire::NAT_PORT)?;
    // The kernel lists a single address or port as a range.
    let ends = (known.number(wire::NAT_ADDRESS_MAX)?, known.number(wire::NAT_PORT_MAX)?);
    let is_single =
        ends.0.is_none_or(|end| Some(end) == address) && ends.1.is_none_or(|end| Some(end) == port);
    let (Some(address), true) = (address, is_single && flags & !wire::NAT_GIVEN == 0) else {
        return Ok(None);
    };
    Ok(Some(Decoded::Expression(Expression::Nat {
        kind: known.required(wire::NAT_TYPE)?,
        family: known.required(wire::NAT_FAMILY)?,
        address,
        port,
    })))
}

fn byte_order(known: &Known<'_>) -> Option<Decoded> {
    let register = |kind| known.number(kind).ok().flatten();
    let is_in_place = register(wire::BYTE_ORDER_FROM) == register(wire::BYTE_ORDER_TO);
    (is_in_place && register(wire::BYTE_ORDER_LENGTH) == Some(1)).then_some(Decoded::NoOp)
}
