//! From what a rule says to what the kernel does: the same steps as nft's.

use crate::nftables::bytecode::selector;
use crate::nftables::bytecode::selector::Load;
use crate::nftables::data::Field;
use crate::nftables::expression::Expression;
use crate::nftables::rule::Rule;
use crate::nftables::statement::{Op, Operand, Selector, SetRef, Statement};
use crate::nftables::table::Family;

impl Rule {
    /// What the kernel is told, in a table of this family.
    pub fn expressions(&self, family: Family) -> Vec<Expression> {
        compile(&self.statements, family)
    }
}

pub(in crate::nftables) fn compile(statements: &[Statement], family: Family) -> Vec<Expression> {
    let mut compiler = Compiler { steps: Vec::with_capacity(8), known: selector::network(family) };
    statements.iter().for_each(|statement| compiler.statement(statement));
    compiler.steps
}

struct Compiler {
    steps: Vec<Expression>,
    /// The family that packets are sure to have by now.
    known: Option<u8>,
}

impl Compiler {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match { left, op, right } => self.compare(*left, *op, right),
            Statement::FibDaddrLocal => self.steps.extend(selector::fib_daddr_local()),
            Statement::CtStatusDnat => self.steps.extend(selector::ct_status_dnat()),
            Statement::InSet { left, negated, set } => self.in_set(left, *negated, set),
            Statement::VerdictMap { left, map } => self.look_up(left, map, selector::VERDICT),
            Statement::Dnat { family, left, map, with_port } => {
                self.look_up(left, map, selector::FIRST);
                self.steps.push(selector::dnat(*family, *with_port));
            }
            Statement::Masquerade => self.steps.push(Expression::Masquerade),
            Statement::Verdict(verdict) => self.steps.push(Expression::Verdict(verdict.clone())),
        }
    }

    fn compare(&mut self, left: Selector, op: Op, right: &Operand) {
        let (mut load, length) = self.test_family_of(left);
        let (value, mask) = match right {
            Operand::Value(field) => (selector::bytes(field), None),
            Operand::Prefix(field, bits) => selector::prefix(&mut load, length, field, *bits),
        };
        if left == Selector::NfProto && op == Op::Eq {
            self.known = value.first().copied();
        }
        self.steps.push(load.to(selector::FIRST));
        let register = selector::FIRST;
        self.steps.extend(mask.map(|mask| Expression::Mask { register, mask }));
        self.steps.push(Expression::Compare { register, op: selector::comparison(op), value });
    }

    fn in_set(&mut self, left: &[Selector], negated: bool, set: &SetRef) {
        let set = match set {
            SetRef::Named(name) => SetRef::Named(name.clone()),
            SetRef::Anonymous(fields) => match (left, &sorted(fields)[..]) {
                // One value is compared, as nft does.
                ([left], [field]) => {
                    let op = if negated { Op::Ne } else { Op::Eq };
                    return self.compare(*left, op, &field.clone().into());
                }
                (_, fields) => SetRef::Anonymous(fields.to_vec()),
            },
        };
        self.load(left);
        let register = selector::FIRST;
        self.steps.push(Expression::Lookup { set, register, to: None, inverted: negated });
    }

    fn look_up(&mut self, left: &[Selector], map: &str, to: u32) {
        self.load(left);
        let set = SetRef::Named(map.to_owned());
        let (register, to) = (selector::FIRST, Some(to));
        self.steps.push(Expression::Lookup { set, register, to, inverted: false });
    }

    /// Each field begins at a register of its own.
    fn load(&mut self, left: &[Selector]) {
        // Every test of the family comes before the first of the fields that are looked up together.
        let loads: Vec<(Load, usize)> =
            left.iter().map(|selector| self.test_family_of(*selector)).collect();
        let mut word = 0;
        for (load, length) in loads {
            self.steps.push(load.to(selector::register(word)));
            word += length.div_ceil(4);
        }
    }

    /// What loads the selector, after a test that packets have it at all, where that is not known.
    fn test_family_of(&mut self, selector: Selector) -> (Load, usize) {
        if let Some(number) =
            selector::family_of(selector).filter(|number| self.known != Some(*number))
        {
            self.compare(Selector::NfProto, Op::Eq, &Field::Proto(number).into());
        }
        selector::load(selector)
    }
}

/// The order of a set's elements means nothing.
fn sorted(fields: &[Field]) -> Vec<Field> {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    fields.dedup();
    fields
}
