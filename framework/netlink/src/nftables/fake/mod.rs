//! A fake ruleset in memory, for tests of programs that use this crate. It behaves like the kernel.

mod chain;
mod contents;
mod element;
mod execute;
mod faults;
mod interval;
mod paths;
mod refusal;
mod rule;
mod set;
mod show;

use std::fmt;

use crate::error::{Cause, Error, Refusal, errno};
use crate::nftables::chain::ChainInfo;
use crate::nftables::chain::InstalledRule;
use crate::nftables::data::Key;
use crate::nftables::ruleset::{Generation, Ruleset};
use crate::nftables::set::{Element, Set};
use crate::nftables::table::{Table, TableInfo};
use crate::nftables::transaction::Transaction;
use crate::nftables::{explain, validate};
use contents::{Contents, Tables};
use faults::Faults;

/// A ruleset in memory that executes transactions by the kernel's rules, and refuses what the
/// kernel refuses with the same error numbers.
///
/// Transactions are atomic; the generation increases with every change to any table; referenced
/// objects can't be deleted; a key has one value; and intervals don't overlap, as far as the kernel
/// detects it. Packets are not simulated.
///
/// It is displayed like `nft list ruleset`, sorted by name, with rules in order. Two rulesets are
/// equal if that text is equal; generations and handles are ignored. A clone has the same content
/// and no planned faults.
///
/// It is stricter than the kernel in one respect: keys and values must have the types of their set,
/// not only the same length.
///
/// ```
/// use cni_netlink::nftables::{Chain, FakeRuleset, Ruleset, Table, Transaction};
///
/// let mut fake = FakeRuleset::default();
/// let mut transaction = Transaction::new(Table::inet("web"));
/// transaction.add_table().add_chain(Chain::regular("ports"));
/// fake.commit(&transaction, None)?;
/// assert_eq!(fake.to_string(), "table inet web {\n\tchain ports {\n\t}\n}\n");
/// # Ok::<(), cni_netlink::Error>(())
/// ```
#[derive(Default)]
pub struct FakeRuleset {
    tables: Tables,
    /// The number of commits that changed something.
    changes: u32,
    faults: Faults<Self>,
}

impl FakeRuleset {
    /// Simulates another program that acts immediately before the next commit. If it commits a
    /// change, the generation that was read before becomes stale.
    ///
    /// A second call plans an action for the commit after the next one, and so on. Other planned
    /// faults don't affect the commits of `act`. A commit without operations does not count.
    pub fn before_next_commit(&mut self, act: impl FnOnce(&mut Self) + Send + 'static) {
        self.faults.act(Box::new(act));
    }

    /// Makes a later commit fail as a whole with an error number of [`errno`]; 0 is the next
    /// commit.
    pub fn refuse_commit(&mut self, number: usize, errno: i32) {
        self.faults.refuse_commit(number, errno);
    }

    /// Makes a later operation fail with an error number of [`errno`]. Operations are counted over
    /// all commits; 0 is the next one.
    pub fn refuse_operation(&mut self, number: usize, errno: i32) {
        self.faults.refuse_operation(number, errno);
    }

    /// Returns the number of planned faults that have not happened yet. A test that refuses each
    /// operation in turn ends when a refusal remains unused.
    pub fn planned(&self) -> usize {
        self.faults.len()
    }

    fn contents(&self, table: &Table) -> Option<&Contents> {
        self.tables.get(table)
    }

    fn let_others_act(&mut self) {
        let Some(act) = self.faults.next_act() else { return };
        let faults = std::mem::take(&mut self.faults);
        act(self);
        self.faults = faults;
    }
}

impl Ruleset for FakeRuleset {
    fn generation(&mut self) -> Result<Generation, Error> {
        // The generation of a new namespace is 1; 0 would mean any generation.
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
            let stored = self.contents(table).and_then(|contents| contents.sets.get(&set.name));
            let found =
                stored.map_or(Ok(None), |stored| stored.find(key).map(Option::<&_>::cloned));
            found.map_err(|refused| {
                let object = format!("element {table} {} {{ {key} }}", set.name);
                refused.cause().during("look up", object)
            })
        };
        keys.iter().map(find).collect()
    }

    fn elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Error> {
        let stored = self.contents(table).and_then(|contents| contents.sets.get(&set.name));
        Ok(stored.map(|stored| stored.elements.clone()).unwrap_or_default())
    }

    fn commit(&mut self, transaction: &Transaction, at: Option<Generation>) -> Result<(), Error> {
        if transaction.is_empty() {
            return Ok(());
        }
        validate::transaction(transaction)?;
        self.let_others_act();
        let now = self.generation()?;
        let stale = at.filter(|at| at.0 != 0 && *at != now).map(|_| errno::ERESTART);
        if let Some(errno) = self.faults.refuses_commit().or(stale) {
            let refusal = Refusal::new(errno);
            return Err(explain::whole(transaction, Cause::Refused(refusal)));
        }
        let (tables, changed) = execute::transaction(&self.tables, transaction, &mut self.faults)?;
        self.tables = tables;
        self.changes += u32::from(changed);
        Ok(())
    }
}

impl Clone for FakeRuleset {
    fn clone(&self) -> Self {
        Self { tables: self.tables.clone(), changes: self.changes, faults: Faults::default() }
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

/// Writes the displayed text, so that a failed comparison is readable.
impl fmt::Debug for FakeRuleset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
