//! Encodes a transaction as netlink messages.

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
use crate::nftables::wire::encode::encoder::{Encoder, FirstOperations, write_comment};
use crate::nftables::wire::uapi;
use crate::nftables::wire::uapi::{chain, flag, generation, message, rule, table};
use crate::socket::batch::Batch;

/// Writes the beginning of a batch and the messages of a transaction, without the end of the batch.
///
/// The kernel refuses the batch if the ruleset is not in the given generation. The returned indices
/// are those of the messages after the beginning.
pub(in crate::nftables) fn transaction(
    batch: &mut Batch<'_>,
    transaction: &Transaction,
    generation: Option<Generation>,
) -> FirstOperations {
    batch.message(message::BATCH_BEGIN, 0, |body| {
        body.raw(&BATCH_HEADER);
        if let Some(Generation(id)) = generation {
            body.u32_be(generation::ID, id);
        }
    });
    let table = &transaction.table;
    let mut encoder = Encoder { batch, table, first_operations: Vec::new(), sets: 0 };
    encoder.operations(&transaction.operations);
    encoder.first_operations
}

/// Writes the deletion of every table, without the end of the batch.
pub(in crate::nftables) fn flush(batch: &mut Batch<'_>) {
    batch.message(message::BATCH_BEGIN, 0, |body| body.raw(&BATCH_HEADER));
    // Without a family and a name, the kernel deletes all tables of all families.
    batch.message(message::DELETE_TABLE, 0, |body| body.raw(&[0; 4]));
}

/// Writes the end of the batch, at which the kernel commits it.
pub(in crate::nftables) fn end(batch: &mut Batch<'_>) {
    batch.message(message::BATCH_END, 0, |body| body.raw(&BATCH_HEADER));
}

/// The netfilter header of the messages that begin and end a batch, with the subsystem number of
/// nf_tables.
const BATCH_HEADER: [u8; 4] = [0, 0, 0, 10];

impl Encoder<'_, '_> {
    fn operations(&mut self, operations: &[Operation]) {
        let mut index = 0;
        while let Some(operation) = operations.get(index) {
            index += match operation {
                Operation::AddElement(_) | Operation::DeleteElement(_) => {
                    self.elements(index, &operations[index..])
                }
                _ => {
                    self.operation(index, operation);
                    1
                }
            };
        }
    }

    fn operation(&mut self, index: usize, operation: &Operation) {
        match operation {
            Operation::AddTable { comment } => self.add_table(index, comment.as_deref()),
            Operation::DeleteTable => self.message(index, message::DELETE_TABLE, 0, |_| {}),
            Operation::AddChain(chain) => self.add_chain(index, chain),
            Operation::DeleteChain(name) => {
                self.message(index, message::DELETE_CHAIN, 0, |body| body.text(chain::NAME, name));
            }
            // Without a handle, the kernel deletes all rules of the chain.
            Operation::FlushChain(name) => {
                self.message(index, message::DELETE_RULE, 0, |body| body.text(rule::CHAIN, name));
            }
            Operation::AddRule(rule) => self.add_rule(index, rule, flag::APPEND),
            Operation::InsertRule(rule) => self.add_rule(index, rule, 0),
            Operation::DeleteRule { chain, handle } => {
                self.message(index, message::DELETE_RULE, 0, |body| {
                    body.text(rule::CHAIN, chain);
                    body.u64_be(rule::HANDLE, *handle);
                });
            }
            Operation::AddSet(set) => self.add_set(index, set),
            Operation::DeleteSet(name) => {
                self.message(index, message::DELETE_SET, 0, |body| {
                    body.text(uapi::set::NAME, name)
                });
            }
            // Written by `elements`.
            Operation::AddElement(_) | Operation::DeleteElement(_) => {}
        }
    }

    fn add_table(&mut self, index: usize, comment: Option<&str>) {
        self.message(index, message::NEW_TABLE, flag::CREATE, |body| {
            body.u32_be(table::FLAGS, 0);
            write_comment(body, table::USERDATA, comment);
        });
    }

    fn add_chain(&mut self, index: usize, chain: &Chain) {
        let family = self.table.family;
        self.message(index, message::NEW_CHAIN, flag::CREATE, |body| {
            body.text(chain::NAME, &chain.name);
            if let Some(base) = &chain.base {
                body.text(chain::TYPE, base.kind.name());
                body.nested(chain::HOOK, |body| {
                    // The kernel refuses a hook that the family does not have.
                    let number = base.hook.number(family).unwrap_or(u32::MAX);
                    body.u32_be(chain::HOOK_NUMBER, number);
                    body.bytes(chain::HOOK_PRIORITY, &base.priority.to_be_bytes());
                });
                body.u32_be(chain::POLICY, base.policy.number());
            }
            write_comment(body, chain::USERDATA, chain.comment.as_deref());
        });
    }

    fn add_rule(&mut self, index: usize, rule: &Rule, flags: u16) {
        let expressions = rule.expressions(self.table.family);
        let first_set = self.sets + 1;
        for expression in &expressions {
            if let Expression::Lookup { set: SetRef::Anonymous(fields), .. } = expression {
                self.add_anonymous(index, fields);
            }
        }
        self.message(index, message::NEW_RULE, flags | flag::CREATE, |body| {
            body.text(rule::CHAIN, &rule.chain);
            expression::list(body, &expressions, first_set);
            write_comment(body, rule::USERDATA, rule.comment.as_deref());
        });
    }
}
