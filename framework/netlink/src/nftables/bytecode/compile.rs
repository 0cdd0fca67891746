//! Compiles statements to the same expressions as nft.

use crate::nftables::bytecode::action;
use crate::nftables::bytecode::selector;
use crate::nftables::bytecode::selector::Load;
use crate::nftables::chain::Rule;
use crate::nftables::data::Field;
use crate::nftables::expression::Expression;
use crate::nftables::statement::{Op, Operand, Selector, SetRef, Statement};
use crate::nftables::table::Family;

impl Rule {
    /// Returns the expressions of the rule in a table of this family.
    pub fn expressions(&self, family: Family) -> Vec<Expression> {
        compile(&self.statements, family)
    }
}

pub(in crate::nftables) fn compile(statements: &[Statement], family: Family) -> Vec<Expression> {
    let mut compiler =
        Compiler { expressions: Vec::with_capacity(8), known: selector::network(family), family };
    statements.iter().for_each(|statement| compiler.statement(statement));
    compiler.expressions
}

struct Compiler {
    expressions: Vec<Expression>,
    /// The family that packets must have at this point, if it is known.
    known: Option<u8>,
    family: Family,
}

impl Compiler {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match { left, op, right } => self.compare(*left, *op, right),
            Statement::FibDaddrLocal => self.expressions.extend(selector::fib_daddr_local()),
            Statement::CtStatusDnat => self.expressions.extend(selector::ct_status_dnat()),
            Statement::CtState(states) => self.expressions.extend(action::ct_state(states)),
            Statement::InSet { left, negated, set } => self.in_set(left, *negated, set),
            Statement::VerdictMap { left, map } => self.look_up(left, map, selector::VERDICT),
            Statement::Dnat { family, left, map, with_port } => {
                self.look_up(left, map, selector::FIRST);
                self.expressions.push(selector::dnat(*family, *with_port));
            }
            other => self.expressions.extend(self.action(other)),
        }
    }

    /// Compiles a statement of one expression.
    fn action(&self, statement: &Statement) -> Option<Expression> {
        Some(match statement {
            Statement::Masquerade => Expression::Masquerade,
            Statement::Counter => Expression::Counter { packets: 0, bytes: 0 },
            Statement::Limit(limit) => action::limit(limit),
            Statement::Log(log) => action::log(log),
            Statement::Reject(reject) => action::reject(*reject, self.family),
            Statement::Verdict(verdict) => Expression::Verdict(verdict.clone()),
            Statement::Raw { expression, .. } => Expression::Raw(expression.clone()),
            _ => return None,
        })
    }

    fn compare(&mut self, left: Selector, op: Op, right: &Operand) {
        let (mut load, length) = self.match_family_of(left);
        let (value, mask) = match right {
            Operand::Value(field) => (selector::bytes(field), None),
            Operand::Prefix(field, bits) => selector::prefix(&mut load, length, field, *bits),
        };
        if left == Selector::NfProto && op == Op::Eq {
            self.known = value.first().copied();
        }
        self.expressions.push(load.to(selector::FIRST));
        let register = selector::FIRST;
        self.expressions.extend(mask.map(|mask| Expression::Mask { register, mask }));
        self.expressions.push(Expression::Compare {
            register,
            op: selector::comparison(op),
            value,
        });
    }

    fn in_set(&mut self, left: &[Selector], negated: bool, set: &SetRef) {
        let set = match set {
            SetRef::Named(name) => SetRef::Named(name.clone()),
            SetRef::Anonymous(fields) => match (left, &sorted(fields)[..]) {
                // A single value is compared, as in nft.
                ([left], [field]) => {
                    let op = if negated { Op::Ne } else { Op::Eq };
                    return self.compare(*left, op, &field.clone().into());
                }
                (_, fields) => SetRef::Anonymous(fields.to_vec()),
            },
        };
        self.load(left);
        let register = selector::FIRST;
        self.expressions.push(Expression::Lookup { set, register, to: None, inverted: negated });
    }

    fn look_up(&mut self, left: &[Selector], map: &str, to: u32) {
        self.load(left);
        let set = SetRef::Named(map.to_owned());
        let (register, to) = (selector::FIRST, Some(to));
        self.expressions.push(Expression::Lookup { set, register, to, inverted: false });
    }

    /// Loads the fields of a key, each to its own register.
    fn load(&mut self, left: &[Selector]) {
        // All matches of the family come before the first field that is loaded.
        let loads: Vec<(Load, usize)> =
            left.iter().map(|selector| self.match_family_of(*selector)).collect();
        let mut word = 0;
        for (load, length) in loads {
            self.expressions.push(load.to(selector::register(word)));
            word += length.div_ceil(4);
        }
    }

    /// Returns how to load a selector, after a match of its family if that is not known yet.
    fn match_family_of(&mut self, selector: Selector) -> (Load, usize) {
        if let Some(number) =
            selector::family_of(selector).filter(|number| self.known != Some(*number))
        {
            self.compare(Selector::NfProto, Op::Eq, &Field::Proto(number).into());
        }
        selector::load(selector)
    }
}

/// Sorts the elements of a set, whose order is irrelevant.
fn sorted(fields: &[Field]) -> Vec<Field> {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    fields.dedup();
    fields
}
