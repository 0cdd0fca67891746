//! Encodes a transaction as messages.

pub(in crate::nftables) mod element;
pub(in crate::nftables) mod encoder;
mod expression;
mod set;

use crate::nftables::chain::Chain;
use crate::nftables::chain::Rule;
use crate::nftables::expression::Expression;
use crate::nftables::ruleset::Generation;
use crate::nftables::statement::SetRef;
use crate::nftables::transaction::{Operation, Transaction};
use crate::nftables::wire::encode::encoder::{Encoder, Marks, write_comment};
use crate::nftables::wire::uapi;
use crate::nftables::wire::uapi::{chain, flag, generation, message, rule, table};
use crate::socket::batch::Batch;

/// Writes a transaction without the end of the batch.
///
/// The first message is the beginning of the batch. The returned marks begin with the message after
/// it.
pub(in crate::nftables) fn transaction(
    batch: &mut Batch<'_>,
    transaction: &Transaction,
    at: Option<Generation>,
) -> Marks {
    batch.message(message::BATCH_BEGIN, 0, |body| {
        body.raw(&BATCH);
        if let Some(Generation(id)) = at {
            body.u32_be(generation::ID, id);
        }
    });
    let mut encoder = Encoder { batch, table: &transaction.table, marks: Vec::new(), sets: 0 };
    encoder.operations(&transaction.operations);
    encoder.marks
}

/// Writes the deletion of every table, without the end of the batch.
pub(in crate::nftables) fn flush(batch: &mut Batch<'_>) {
    batch.message(message::BATCH_BEGIN, 0, |body| body.raw(&BATCH));
    // Without a family and a name: all tables of all families.
    batch.message(message::DELETE_TABLE, 0, |body| body.raw(&[0; 4]));
}

/// Writes the end of the batch, at which the kernel commits it.
pub(in crate::nftables) fn end(batch: &mut Batch<'_>) {
    batch.message(message::BATCH_END, 0, |body| body.raw(&BATCH));
}

/// The header of a batch, with the subsystem number of nf_tables.
const BATCH: [u8; 4] = [0, 0, 0, 10];

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
                self.message(at, message::DELETE_SET, 0, |body| body.text(uapi::set::NAME, name));
            }
            Operation::AddElement(_) | Operation::DeleteElement(_) => {}
        }
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
            if let Expression::Lookup { set: SetRef::Anonymous(fields), .. } = expression {
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
