//! Encodes the expressions of a rule.

use crate::attribute::Body;
use crate::nftables::data::Verdict;
use crate::nftables::expression::Expression;
use crate::nftables::statement::SetRef;
use crate::nftables::wire::uapi::{ITEM, data, expression as wire, rule, set, verdict};

/// Writes the expressions of a rule. The numbers of its anonymous sets begin at `next_set`.
pub(super) fn list(body: &mut Body<'_>, expressions: &[Expression], mut next_set: u32) {
    body.nested(rule::EXPRESSIONS, |body| {
        for expression in expressions {
            body.nested(ITEM, |body| {
                body.text(wire::NAME, expression.name());
                body.nested(wire::DATA, |body| write(body, expression, &mut next_set));
            });
        }
    });
}

fn write(body: &mut Body<'_>, expression: &Expression, next_set: &mut u32) {
    match expression {
        Expression::Meta { key, register } => {
            write_numbers(body, &[(wire::META_KEY, *key), (wire::META_TO, *register)]);
        }
        Expression::Payload { base, offset, length, register } => write_numbers(
            body,
            &[
                (wire::PAYLOAD_TO, *register),
                (wire::PAYLOAD_BASE, *base),
                (wire::PAYLOAD_OFFSET, *offset),
                (wire::PAYLOAD_LENGTH, *length),
            ],
        ),
        Expression::Ct { key, direction, register } => {
            write_numbers(body, &[(wire::CT_KEY, *key), (wire::CT_TO, *register)]);
            if let Some(direction) = direction {
                body.u8(wire::CT_DIRECTION, *direction);
            }
        }
        Expression::Fib { result, flags, register } => write_numbers(
            body,
            &[(wire::FIB_TO, *register), (wire::FIB_RESULT, *result), (wire::FIB_FLAGS, *flags)],
        ),
        Expression::Mask { register, mask } => write_mask(body, *register, mask),
        Expression::Compare { register, op, value } => {
            write_numbers(body, &[(wire::COMPARE_FROM, *register), (wire::COMPARE_OP, *op)]);
            write_value(body, wire::COMPARE_DATA, value);
        }
        Expression::Lookup { set, register, to, inverted } => {
            write_set(body, set, next_set);
            body.u32_be(wire::LOOKUP_FROM, *register);
            if let Some(to) = to {
                body.u32_be(wire::LOOKUP_TO, *to);
            }
            if *inverted {
                body.u32_be(wire::LOOKUP_FLAGS, wire::LOOKUP_INVERTED);
            }
        }
        Expression::Immediate { register, value } => {
            body.u32_be(wire::IMMEDIATE_TO, *register);
            write_value(body, wire::IMMEDIATE_DATA, value);
        }
        Expression::Verdict(verdict) => {
            body.u32_be(wire::IMMEDIATE_TO, 0);
            body.nested(wire::IMMEDIATE_DATA, |body| write_verdict(body, verdict));
        }
        Expression::Nat { kind, family, address, port } => {
            write_numbers(body, &[(wire::NAT_TYPE, *kind), (wire::NAT_FAMILY, *family)]);
            body.u32_be(wire::NAT_ADDRESS, *address);
            if let Some(port) = port {
                body.u32_be(wire::NAT_PORT, *port);
            }
        }
        Expression::Raw(raw) => body.raw(&raw.data),
        // `masq` and a new counter need no attributes.
        Expression::Masquerade | Expression::Counter { .. } => {}
        other => write_action(body, other),
    }
}

fn write_action(body: &mut Body<'_>, expression: &Expression) {
    match expression {
        Expression::Limit { rate, seconds, burst, kind, flags } => {
            body.u64_be(wire::LIMIT_RATE, *rate);
            body.u64_be(wire::LIMIT_UNIT, *seconds);
            write_numbers(
                body,
                &[
                    (wire::LIMIT_BURST, *burst),
                    (wire::LIMIT_TYPE, *kind),
                    (wire::LIMIT_FLAGS, *flags),
                ],
            );
        }
        Expression::Log { prefix, level, group } => {
            if let Some(prefix) = prefix {
                body.text(wire::LOG_PREFIX, prefix);
            }
            // The kernel refuses a log that has both.
            match (group, level) {
                (Some(group), _) => body.u16_be(wire::LOG_GROUP, *group),
                (None, Some(level)) => body.u32_be(wire::LOG_LEVEL, *level),
                (None, None) => {}
            }
        }
        Expression::Reject { kind, code } => {
            body.u32_be(wire::REJECT_TYPE, *kind);
            if let Some(code) = code {
                body.u8(wire::REJECT_CODE, *code);
            }
        }
        _ => {}
    }
}

fn write_numbers(body: &mut Body<'_>, numbers: &[(u16, u32)]) {
    numbers.iter().for_each(|(kind, number)| body.u32_be(*kind, *number));
}

fn write_value(body: &mut Body<'_>, kind: u16, value: &[u8]) {
    body.nested(kind, |body| body.bytes(data::VALUE, value));
}

fn write_mask(body: &mut Body<'_>, register: u32, mask: &[u8]) {
    let length = u32::try_from(mask.len()).unwrap_or_default();
    write_numbers(
        body,
        &[(wire::MASK_FROM, register), (wire::MASK_TO, register), (wire::MASK_LENGTH, length)],
    );
    write_value(body, wire::MASK_AND, mask);
    write_value(body, wire::MASK_XOR, &vec![0; mask.len()]);
}

fn write_set(body: &mut Body<'_>, set: &SetRef, next_set: &mut u32) {
    match set {
        SetRef::Named(name) => body.text(wire::LOOKUP_SET, name),
        SetRef::Anonymous(_) => {
            body.text(wire::LOOKUP_SET, set::ANONYMOUS_NAME);
            body.u32_be(wire::LOOKUP_SET_ID, *next_set);
            *next_set += 1;
        }
    }
}

/// Writes a verdict as the data of an expression or an element.
pub(super) fn write_verdict(body: &mut Body<'_>, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (verdict::ACCEPT, None),
        Verdict::Drop => (verdict::DROP, None),
        Verdict::Return => (verdict::RETURN, None),
        Verdict::Jump(chain) => (verdict::JUMP, Some(chain)),
        Verdict::Goto(chain) => (verdict::GOTO, Some(chain)),
    };
    body.nested(data::VERDICT, |body| {
        body.bytes(data::VERDICT_CODE, &code.to_be_bytes());
        if let Some(chain) = chain {
            body.text(data::VERDICT_CHAIN, chain);
        }
    });
}
