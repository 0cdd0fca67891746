//! Executes transactions atomically.

use crate::error::Error;
use crate::nftables::fake::contents::{Contents, Tables};
use crate::nftables::fake::faults::Faults;
use crate::nftables::fake::refusal::{ERANGE, ExplainedRefusal};
use crate::nftables::table::Table;
use crate::nftables::transaction::{Operation, Transaction};

/// The maximum length of a name in bytes.
const NAME: usize = 255;

/// Returns the tables after a transaction, and whether anything changed.
///
/// As in the kernel, adding an existing object is not a change, except for chains and sets.
pub(super) fn transaction<R>(
    tables: &Tables,
    transaction: &Transaction,
    faults: &mut Faults<R>,
) -> Result<(Tables, bool), Error> {
    let at = |operation: &Operation, refused: ExplainedRefusal| {
        refused.cause().during(operation.verb(), transaction.name(operation))
    };
    let table = transaction.table();
    let mut after = tables.clone();
    let mut changed = false;
    for operation in transaction.operations() {
        let planned =
            faults.refuses_operation().map_or(Ok(()), |errno| Err(ExplainedRefusal::bare(errno)));
        let done = planned.and_then(|()| run(&mut after, table, operation));
        changed |= done.map_err(|refused| at(operation, refused))?;
    }
    match first_invalid(tables, &after, transaction) {
        Some((operation, refused)) => Err(at(operation, refused)),
        None => Ok((after, changed)),
    }
}

/// Returns the first operation that created an invalid path, if the final state has one. Only the
/// final state is validated, but the kernel reports an operation.
fn first_invalid<'a>(
    before: &Tables,
    after: &Tables,
    transaction: &'a Transaction,
) -> Option<(&'a Operation, ExplainedRefusal)> {
    let table = transaction.table();
    let check = |tables: &Tables| tables.get(table).map_or(Ok(()), Contents::check_paths);
    check(after).err()?;
    let mut again = before.clone();
    transaction.operations().iter().find_map(|operation| {
        run(&mut again, table, operation).ok()?;
        check(&again).err().filter(|_| is_checked(operation)).map(|refused| (operation, refused))
    })
}

fn is_checked(operation: &Operation) -> bool {
    use Operation::{AddElement, AddRule, InsertRule};
    matches!(operation, AddRule(_) | InsertRule(_) | AddElement(_))
}

/// Executes one operation. Returns whether it changed anything.
fn run(
    tables: &mut Tables,
    table: &Table,
    operation: &Operation,
) -> Result<bool, ExplainedRefusal> {
    if table.name.len().max(name(operation).len()) > NAME {
        return Err(ExplainedRefusal::new(ERANGE, format!("a name is longer than {NAME} bytes")));
    }
    let absent = || ExplainedRefusal::absent("table", &table.to_string());
    match operation {
        Operation::AddTable { .. } if tables.contains_key(table) => Ok(false),
        Operation::AddTable { comment } => {
            tables.insert(table.clone(), Contents::new(table.family, comment.clone()));
            Ok(true)
        }
        Operation::DeleteTable => tables.remove(table).map(|_| true).ok_or_else(absent),
        _ => tables.get_mut(table).ok_or_else(absent)?.run(operation),
    }
}

/// Returns the name of the object of an operation.
fn name(operation: &Operation) -> &str {
    match operation {
        Operation::AddTable { .. } | Operation::DeleteTable => "",
        Operation::AddChain(chain) => &chain.name,
        Operation::AddSet(set) => &set.name,
        Operation::AddRule(rule) | Operation::InsertRule(rule) => &rule.chain,
        Operation::AddElement(element) | Operation::DeleteElement(element) => &element.set,
        Operation::DeleteChain(name)
        | Operation::FlushChain(name)
        | Operation::DeleteSet(name)
        | Operation::DeleteRule { chain: name, .. } => name,
    }
}

impl Contents {
    fn run(&mut self, operation: &Operation) -> Result<bool, ExplainedRefusal> {
        match operation {
            Operation::AddTable { .. } | Operation::DeleteTable => Ok(false),
            Operation::AddChain(chain) => self.add_chain(chain),
            Operation::DeleteChain(name) => self.delete_chain(name),
            Operation::FlushChain(name) => self.flush_chain(name),
            Operation::AddRule(rule) => self.add_rule(rule, usize::MAX),
            Operation::InsertRule(rule) => self.add_rule(rule, 0),
            Operation::DeleteRule { chain, handle } => self.delete_rule(chain, *handle),
            Operation::AddSet(set) => self.add_set(set),
            Operation::DeleteSet(name) => self.delete_set(name),
            Operation::AddElement(element) => self.add_element(element),
            Operation::DeleteElement(element) => self.delete_element(element),
        }
    }
}
