//! A transaction as messages.

mod element;
mod expression;
mod set;

use super::wire::{self, chain, flag, generation, message, rule, table, userdata};
use super::{Chain, Generation, Operation, Rule, SetRef, Table, Transaction};
use crate::attribute::Body;
use crate::socket::Series;

pub(super) use element::key as element_key;

/// Which operation a message does. One with elements does several, one after the other.
pub(super) type Marks = Vec<usize>;

/// Writes a transaction without its end. The first message is the batch's beginning; the mark of the one after it is
/// the first.
pub(super) fn transaction(
    series: &mut Series<'_>,
    transaction: &Transaction,
    at: Option<Generation>,
) -> Marks {
    series.message(message::BATCH_BEGIN, 0, |body| {
        body.raw(&BATCH);
        if let Some(Generation(id)) = at {
            body.u32_be(generation::ID, id);
        }
    });
    let mut encoder = Encoder { series, table: &transaction.table, marks: Vec::new(), sets: 0 };
    encoder.operations(&transaction.operations);
    encoder.marks
}

/// Writes the deletion of every table, without its end.
pub(super) fn flush(series: &mut Series<'_>) {
    series.message(message::BATCH_BEGIN, 0, |body| body.raw(&BATCH));
    // Neither a family nor a name: all tables of all families.
    series.message(message::DELETE_TABLE, 0, |body| body.raw(&[0; 4]));
}

/// Ends the batch: what comes before it happens.
pub(super) fn end(series: &mut Series<'_>) {
    series.message(message::BATCH_END, 0, |body| body.raw(&BATCH));
}

/// A batch's header names the subsystem that it is for.
const BATCH: [u8; 4] = [0, 0, 0, 10];

struct Encoder<'a, 'b> {
    series: &'a mut Series<'b>,
    table: &'a Table,
    marks: Marks,
    /// How many sets are made: each needs a number of its own.
    sets: u32,
}

impl Encoder<'_, '_> {
    fn operations(&mut self, operations: &[Operation]) {
        let mut at = 0;
        while let Some(operation) = operations.get(at) {
            at += match operation {
                Operation::AddElement(_) | Operation::DeleteElement(_) => {
                    self.elements(at, &operations[at..])
                }
                _ => {
                    self.operation(at, operation);
                    1
                }
            };
        }
    }

    fn operation(&mut self, at: usize, operation: &Operation) {
        match operation {
            Operation::AddTable { comment } => self.add_table(at, comment.as_deref()),
            Operation::DeleteTable => self.message(at, message::DELETE_TABLE, 0, |_| {}),
            Operation::AddChain(chain) => self.add_chain(at, chain),
            Operation::DeleteChain(name) => {
                self.message(at, message::DELETE_CHAIN, 0, |body| body.text(chain::NAME, name));
            }
            // Without a handle: all rules of the chain.
            Operation::FlushChain(name) => {
                self.message(at, message::DELETE_RULE, 0, |body| body.text(rule::CHAIN, name));
            }
            Operation::AddRule(rule) => self.add_rule(at, rule, flag::APPEND),
            Operation::InsertRule(rule) => self.add_rule(at, rule, 0),
            Operation::DeleteRule { chain, handle } => {
                self.message(at, message::DELETE_RULE, 0, |body| {
                    body.text(rule::CHAIN, chain);
                    body.u64_be(rule::HANDLE, *handle);
                });
            }
            Operation::AddSet(set) => self.add_set(at, set),
            Operation::DeleteSet(name) => {
                self.message(at, message::DELETE_SET, 0, |body| body.text(wire::set::NAME, name));
            }
            Operation::AddElement(_) | Operation::DeleteElement(_) => {}
        }
    }

    /// Appends a message that begins with the table's name.
    fn message(&mut self, at: usize, kind: u16, flags: u16, fill: impl FnOnce(&mut Body<'_>)) {
        self.marks.push(at);
        let table = self.table;
        self.series.message(kind, flags, |body| {
            wire::begin(body, table);
            fill(body);
        });
    }

    fn add_table(&mut self, at: usize, comment: Option<&str>) {
        self.message(at, message::NEW_TABLE, flag::CREATE, |body| {
            body.u32_be(table::FLAGS, 0);
            write_comment(body, table::USERDATA, comment);
        });
    }

    fn add_chain(&mut self, at: usize, it: &Chain) {
        self.message(at, message::NEW_CHAIN, flag::CREATE, |body| {
            body.text(chain::NAME, &it.name);
            if let Some(base) = &it.base {
                body.text(chain::TYPE, base.kind.name());
                body.nested(chain::HOOK, |body| {
                    body.u32_be(chain::HOOK_NUMBER, base.hook.number());
                    body.bytes(chain::HOOK_PRIORITY, &base.priority.to_be_bytes());
                });
                body.u32_be(chain::POLICY, base.policy.number());
            }
            write_comment(body, chain::USERDATA, it.comment.as_deref());
        });
    }

    fn add_rule(&mut self, at: usize, it: &Rule, flags: u16) {
        let expressions = it.expressions(self.table.family);
        let first_set = self.sets + 1;
        for expression in &expressions {
            if let super::Expression::Lookup { set: SetRef::Anonymous(fields), .. } = expression {
                self.add_anonymous(at, fields);
            }
        }
        self.message(at, message::NEW_RULE, flags | flag::CREATE, |body| {
            body.text(rule::CHAIN, &it.chain);
            expression::list(body, &expressions, first_set);
            write_comment(body, rule::USERDATA, it.comment.as_deref());
        });
    }
}

/// A comment as nft keeps it. It is short: longer ones are refused before.
fn write_comment(body: &mut Body<'_>, attribute: u16, comment: Option<&str>) {
    if let Some(comment) = comment {
        body.appended(attribute, |bytes| append_comment(bytes, userdata::COMMENT, comment));
    }
}

fn append_comment(bytes: &mut Vec<u8>, kind: u8, comment: &str) {
    let length = u8::try_from(comment.len() + 1).unwrap_or_default();
    bytes.extend_from_slice(&[kind, length]);
    bytes.extend_from_slice(comment.as_bytes());
    bytes.push(0);
}
