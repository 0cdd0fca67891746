//! Decompiles expressions to statements, if statements of this crate compile to them.

use std::fmt;

use crate::nftables::bytecode::action;
use crate::nftables::bytecode::compile::compile;
use crate::nftables::bytecode::selector;
use crate::nftables::bytecode::selector::Load;
use crate::nftables::chain::InstalledRule;
use crate::nftables::data::{DataType, Field};
use crate::nftables::expression::{Expression, are_equivalent};
use crate::nftables::statement::{Op, Operand, Selector, SetRef, Statement};
use crate::nftables::table::Family;
use crate::nftables::wire::uapi::{IPV4, IPV6};
use crate::nftables::wire::values;

/// Writes the chain and the rule in nft's syntax, or the names of all expressions if they can't be
/// decompiled.
impl fmt::Display for InstalledRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain)?;
        match statements(&self.expressions) {
            Some(statements) => {
                statements.iter().try_for_each(|statement| write!(f, " {statement}"))?
            }
            None => self.expressions.iter().try_for_each(|one| write!(f, " [{}]", one.name()))?,
        }
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, " comment \"{comment}\""))
    }
}

/// Returns statements that compile to these expressions in a table of at least one family.
fn statements(expressions: &[Expression]) -> Option<Vec<Statement>> {
    let explicit = read_statements(expressions)?;
    [Family::Inet, Family::Ip, Family::Ip6].into_iter().find_map(|family| {
        let statements = without_implied(explicit.clone(), expressions, family);
        are_equivalent(&compile(&statements, family), expressions).then_some(statements)
    })
}

/// Removes the matches of the family that the compiler adds for other statements.
fn without_implied(
    mut statements: Vec<Statement>,
    expressions: &[Expression],
    family: Family,
) -> Vec<Statement> {
    let mut at = 0;
    while at < statements.len() {
        let statement = statements.remove(at);
        let is_implied = matches!(statement, Statement::Match { left: Selector::NfProto, .. })
            && are_equivalent(&compile(&statements, family), expressions);
        if !is_implied {
            statements.insert(at, statement);
            at += 1;
        }
    }
    statements
}

fn read_statements(mut rest: &[Expression]) -> Option<Vec<Statement>> {
    let mut statements = Vec::new();
    while !rest.is_empty() {
        let (statement, used) = read_first(rest)?;
        statements.push(statement);
        rest = rest.get(used..)?;
    }
    Some(statements)
}

/// Reads the first statement. Returns it and the number of expressions from which it was read.
fn read_first(rest: &[Expression]) -> Option<(Statement, usize)> {
    if let Some(statement) = action::read(rest.first()?) {
        return Some((statement, 1));
    }
    if let Some(statement) = action::read_ct_state(rest) {
        return Some((statement, 3));
    }
    match rest {
        [Expression::Masquerade, ..] => Some((Statement::Masquerade, 1)),
        [Expression::Verdict(verdict), ..] => Some((Statement::Verdict(verdict.clone()), 1)),
        _ if rest.starts_with(&selector::fib_daddr_local()) => Some((Statement::FibDaddrLocal, 2)),
        _ if rest.starts_with(&selector::ct_status_dnat()) => Some((Statement::CtStatusDnat, 3)),
        [load, Expression::Compare { op, value, .. }, ..] => {
            Some((read_match(load, *op, value)?, 2))
        }
        [load, Expression::Mask { mask, .. }, Expression::Compare { op, value, .. }, ..] => {
            let bits = mask.iter().map(|byte| byte.count_ones()).sum::<u32>();
            let left = selector_of(load, selector::FIRST)?;
            let right = read_prefix(left, value, u8::try_from(bits).ok()?)?;
            Some((Statement::Match { left, op: op_of(*op)?, right }, 3))
        }
        _ => read_lookup(rest),
    }
}

fn op_of(number: u32) -> Option<Op> {
    [Op::Eq, Op::Ne].into_iter().find(|op| selector::comparison(*op) == number)
}

/// Returns the selector that an expression loads to a register.
fn selector_of(load: &Expression, register: u32) -> Option<Selector> {
    let loads = |selector: &Selector| selector::load(*selector).0.to(register) == *load;
    Selector::ALL.into_iter().find(loads)
}

/// Reads a match. A value with fewer bytes than the selector is a prefix.
fn read_match(load: &Expression, op: u32, value: &[u8]) -> Option<Statement> {
    let left = selector_of(load, selector::FIRST).or_else(|| truncated_selector(load))?;
    let kind = left.data_type();
    let right = if value.len() == kind.length() {
        values::read(&[kind], value).ok()?.pop()?.into()
    } else if kind == DataType::Ifname {
        Field::Ifname(format!("{}*", std::str::from_utf8(value).ok()?)).into()
    } else {
        read_prefix(left, value, u8::try_from(value.len() * 8).ok()?)?
    };
    Some(Statement::Match { left, op: op_of(op)?, right })
}

/// Returns the selector whose first bytes an expression loads.
fn truncated_selector(load: &Expression) -> Option<Selector> {
    let Expression::Payload { base, offset, length, register: selector::FIRST } = load else {
        return None;
    };
    let begins_with = |selector: &Selector| {
        matches!(selector::load(*selector).0, Load::Payload(own_base, own_offset, own_length)
            if own_base == *base && own_offset == *offset && own_length > *length)
    };
    Selector::ALL.into_iter().find(begins_with)
}

fn read_prefix(left: Selector, value: &[u8], bits: u8) -> Option<Operand> {
    let kind = left.data_type();
    let mut address = value.to_vec();
    address.resize(kind.length(), 0);
    let field = values::read(&[kind], &address).ok()?.pop()?;
    Some(Operand::Prefix(field, bits))
}

/// Reads a statement that looks up a key in a set or a map.
fn read_lookup(rest: &[Expression]) -> Option<(Statement, usize)> {
    let mut left = Vec::new();
    let mut word = 0;
    while let Some(selector) =
        rest.get(left.len()).and_then(|load| selector_of(load, selector::register(word)))
    {
        left.push(selector);
        word += selector.data_type().length().div_ceil(4);
    }
    let used = left.len() + 1;
    let Expression::Lookup { set, to, inverted, .. } = rest.get(left.len())? else { return None };
    match (to, set, rest.get(used)) {
        (None, set, _) => {
            Some((Statement::InSet { left, negated: *inverted, set: set.clone() }, used))
        }
        (Some(selector::VERDICT), SetRef::Named(map), _) => {
            Some((Statement::VerdictMap { left, map: map.clone() }, used))
        }
        (Some(_), SetRef::Named(map), Some(Expression::Nat { family, port, .. })) => {
            let family = match u8::try_from(*family) {
                Ok(IPV4) => Family::Ip,
                Ok(IPV6) => Family::Ip6,
                _ => return None,
            };
            let (map, with_port) = (map.clone(), port.is_some());
            Some((Statement::Dnat { family, left, map, with_port }, used + 1))
        }
        _ => None,
    }
}
