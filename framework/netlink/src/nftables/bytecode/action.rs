//! Compiles the statements of `action.rs` to expressions, and back.

use crate::nftables::action::{CtState, Limit, Log, LogDestination, LogLevel, Reject, TimeUnit};
use crate::nftables::bytecode::selector::{FIRST, NE};
use crate::nftables::expression::Expression;
use crate::nftables::statement::Statement;
use crate::nftables::table::Family;

const CT_STATE: u32 = 0;
const LIMIT_PACKETS: u32 = 0;
const LIMIT_OVER: u32 = 1;
const REJECT_ICMP: u32 = 0;
const REJECT_TCP_RESET: u32 = 1;
/// An error of ICMP or ICMPv6, as fits the packet.
const REJECT_ICMPX: u32 = 2;
const ICMPX_PORT_UNREACHABLE: u8 = 1;
const ICMPX_ADMIN_PROHIBITED: u8 = 3;
const ICMP_PORT_UNREACHABLE: u8 = 3;
const ICMPV6_PORT_UNREACHABLE: u8 = 4;

pub(super) fn ct_state(states: &[CtState]) -> [Expression; 3] {
    let register = FIRST;
    let mask = states.iter().fold(0, |mask, state| mask | state.bit());
    [
        Expression::Ct { key: CT_STATE, direction: None, register },
        Expression::Mask { register, mask: mask.to_ne_bytes().to_vec() },
        Expression::Compare { register, op: NE, value: vec![0; 4] },
    ]
}

pub(super) fn read_ct_state(rest: &[Expression]) -> Option<Statement> {
    let [Expression::Ct { key: CT_STATE, .. }, Expression::Mask { mask, .. }, ..] = rest else {
        return None;
    };
    let mask = u32::from_ne_bytes(mask[..].try_into().ok()?);
    let states: Vec<CtState> =
        CtState::ALL.into_iter().filter(|state| mask & state.bit() != 0).collect();
    rest.starts_with(&ct_state(&states)).then_some(Statement::CtState(states))
}

pub(super) fn limit(limit: &Limit) -> Expression {
    Expression::Limit {
        rate: limit.rate,
        seconds: limit.per.seconds(),
        burst: limit.burst,
        kind: LIMIT_PACKETS,
        flags: if limit.over { LIMIT_OVER } else { 0 },
    }
}

pub(super) fn log(log: &Log) -> Expression {
    let (level, group) = match log.to {
        LogDestination::Kernel(level) => (Some(level as u32), None),
        LogDestination::Group(group) => (None, Some(group)),
    };
    Expression::Log { prefix: log.prefix.clone(), level, group }
}

pub(super) fn reject(reject: Reject, family: Family) -> Expression {
    let (kind, code) = match (reject, family) {
        (Reject::TcpReset, _) => (REJECT_TCP_RESET, None),
        (Reject::PortUnreachable, Family::Ip) => (REJECT_ICMP, Some(ICMP_PORT_UNREACHABLE)),
        (Reject::PortUnreachable, Family::Ip6) => (REJECT_ICMP, Some(ICMPV6_PORT_UNREACHABLE)),
        (Reject::PortUnreachable, _) => (REJECT_ICMPX, Some(ICMPX_PORT_UNREACHABLE)),
        (Reject::AdminProhibited, _) => (REJECT_ICMPX, Some(ICMPX_ADMIN_PROHIBITED)),
    };
    Expression::Reject { kind, code }
}

/// Reads a statement of one expression.
pub(super) fn read(expression: &Expression) -> Option<Statement> {
    Some(match expression {
        Expression::Counter { .. } => Statement::Counter,
        Expression::Limit { rate, seconds, burst, kind: LIMIT_PACKETS, flags: 0 | LIMIT_OVER } => {
            let per = TimeUnit::ALL.into_iter().find(|unit| unit.seconds() == *seconds)?;
            let read = Limit::new(*rate, per).with_burst(*burst);
            let is_over = *expression == limit(&read.over());
            Statement::Limit(if is_over { read.over() } else { read })
        }
        Expression::Log { prefix, level, group } => {
            let to = match (level, group) {
                (_, Some(group)) => LogDestination::Group(*group),
                (level, None) => LogDestination::Kernel(
                    *LogLevel::ALL.get(level.map_or(LogLevel::Warn as usize, |at| at as usize))?,
                ),
            };
            Statement::Log(Log { prefix: prefix.clone(), to })
        }
        Expression::Reject { .. } => {
            let of = |one: &Reject| {
                [Family::Inet, Family::Ip, Family::Ip6]
                    .into_iter()
                    .any(|family| reject(*one, family) == *expression)
            };
            Statement::Reject(Reject::ALL.into_iter().find(of)?)
        }
        _ => return None,
    })
}
