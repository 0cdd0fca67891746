//! A ruleset in memory, for tests of what uses this crate: it does what the kernel would do.

mod chain;
mod contents;
mod element;
mod interval;
mod loops;
mod plan;
mod refused;
mod rule;
mod run;
mod set;
mod show;

use std::fmt;

use crate::error::{Cause, Error, Refusal, errno};
use crate::nftables::chain::ChainInfo;
use crate::nftables::data::Key;
use crate::nftables::rule::InstalledRule;
use crate::nftables::ruleset::{Generation, Ruleset};
use crate::nftables::set::{Element, Set};
use crate::nftables::table::{Table, TableInfo};
use crate::nftables::transaction::Transaction;
use crate::nftables::{explain, validate};
use contents::{Contents, Tables};
use plan::Plan;

/// A ruleset in memory that executes transactions by the kernel's rules, and refuses what the kernel refuses, with
/// the same error numbers.
///
/// So: all of a transaction or nothing; the generation rises with every change, whatever the table; what something
/// refers to can't be deleted; a key has one value; intervals don't overlap as far as the kernel notices. It sees no
/// packets.
///
/// Its text reads like `nft list ruleset`, everything sorted by name, rules in their order. Two are equal when they
/// hold the same by that text: generations and handles don't count. A clone holds the same, and nothing is planned
/// for it.
///
/// It is stricter than the kernel in one thing: keys and values must be of their set's types, not only as long.
///
/// ```
/// use cni_netlink::nftables::{Chain, FakeRuleset, Ruleset, Table, Transaction};
///
/// let mut fake = FakeRuleset::default();
/// let mut transaction = Transaction::on(Table::inet("web"));
/// transaction.add_table().add_chain(Chain::regular("ports"));
/// fake.commit(&transaction, None)?;
/// assert_eq!(fake.to_string(), "table inet web {\n\tchain ports {\n\t}\n}\n");
/// # Ok::<(), cni_netlink::Error>(())
/// ```
#[derive(Default)]
pub struct FakeRuleset {
    tables: Tables,
    /// How many commits changed something.
    changes: u32,
    plan: Plan<Self>,
}

impl FakeRuleset {
    /// Lets another party act right before the next commit: what it commits makes the generation stale that was read
    /// before. Called several times, the second is for the commit after the next, and so on.
    ///
    /// Nothing else that is planned happens to what the other party commits. A commit without operations is none.
    pub fn before_next_commit(&mut self, act: impl FnOnce(&mut Self) + Send + 'static) {
        self.plan.act(Box::new(act));
    }

    /// Refuses one of the commits that follow, 0 the next, as a whole, with an error number of [`errno`].
    pub fn refuse_commit(&mut self, number: usize, errno: i32) {
        self.plan.refuse_commit(number, errno);
    }

    /// Refuses one of the operations that follow, 0 the next, however many commits they are in, with an error number
    /// of [`errno`].
    pub fn refuse_operation(&mut self, number: usize, errno: i32) {
        self.plan.refuse_operation(number, errno);
    }

    /// How much of what was planned has not happened yet: a test that refuses each operation in turn ends when the
    /// last refusal stays unused.
    pub fn planned(&self) -> usize {
        self.plan.len()
    }

    fn contents(&self, table: &Table) -> Option<&Contents> {
        self.tables.get(table)
    }

    fn let_others_act(&mut self) {
        let Some(act) = self.plan.next_act() else { return };
        let plan = std::mem::take(&mut self.plan);
        act(self);
        self.plan = plan;
    }
}

impl Ruleset for FakeRuleset {
    fn generation(&mut self) -> Result<Generation, Error> {
        // That of a fresh namespace is 1: 0 would mean any.
        Ok(Generation(self.changes + 1))
    }

    fn table(&mut self, table: &Table) -> Result<Option<TableInfo>, Error> {
        Ok(self.contents(table).map(Contents::info))
    }

    fn chain(&mut self, table: &Table, name: &str) -> Result<Option<ChainInfo>, Error> {
        Ok(self.contents(table).and_then(|contents| contents.chain_info(name)))
    }

    fn chains(&mut self, table: &Table) -> Result<Vec<ChainInfo>, Error> {
        Ok(self.contents(table).map(Contents::chain_infos).unwrap_or_default())
    }

    fn rules(&mut self, table: &Table) -> Result<Vec<InstalledRule>, Error> {
        Ok(self.contents(table).map(Contents::rules).unwrap_or_default())
    }

    fn find(&mut self, table: &Table, keys: &[(&Set, Key)]) -> Result<Vec<Option<Element>>, Error> {
        let find = |(set, key): &(&Set, Key)| {
            let held = self.contents(table).and_then(|contents| contents.sets.get(&set.name));
            let found = held.map_or(Ok(None), |held| held.find(key).map(Option::<&_>::cloned));
            found.map_err(|refused| {
                let object = format!("element {table} {} {{ {key} }}", set.name);
                refused.cause().during("look up", object)
            })
        };
        keys.iter().map(find).collect()
    }

    fn elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Error> {
        let held = self.contents(table).and_then(|contents| contents.sets.get(&set.name));
        Ok(held.map(|held| held.elements.clone()).unwrap_or_default())
    }

    fn commit(&mut self, transaction: &Transaction, at: Option<Generation>) -> Result<(), Error> {
        if transaction.is_empty() {
            return Ok(());
        }
        validate::transaction(transaction)?;
        self.let_others_act();
        let now = self.generation()?;
        let stale = at.filter(|at| at.0 != 0 && *at != now).map(|_| errno::ERESTART);
        if let Some(errno) = self.plan.refuses_commit().or(stale) {
            let refusal = Refusal::new(errno);
            return Err(explain::whole(transaction, Cause::Refused(refusal)));
        }
        let (tables, changed) = run::transaction(&self.tables, transaction, &mut self.plan)?;
        self.tables = tables;
        self.changes += u32::from(changed);
        Ok(())
    }
}

impl Clone for FakeRuleset {
    fn clone(&self) -> Self {
        Self { tables: self.tables.clone(), changes: self.changes, plan: Plan::default() }
    }
}

impl PartialEq for FakeRuleset {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for FakeRuleset {}

impl fmt::Display for FakeRuleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tables.iter().try_for_each(|(table, contents)| show::table(f, table, contents))
    }
}

/// Its text, so that a failed comparison can be read.
impl fmt::Debug for FakeRuleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
