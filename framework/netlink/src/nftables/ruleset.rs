//! The interface of rulesets: queries and transactions.

use crate::error::Error;
use crate::nftables::chain::ChainInfo;
use crate::nftables::chain::InstalledRule;
use crate::nftables::data::Key;
use crate::nftables::set::{Element, Set};
use crate::nftables::table::{Table, TableInfo};
use crate::nftables::transaction::Transaction;

/// A version of the ruleset, which changes with every change in the network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(pub(crate) u32);

impl Generation {
    /// The generation of a network namespace in which no transaction was committed yet.
    pub const FIRST: Self = Self(1);

    /// Returns the generation after one more transaction. It is never 0, which means any.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).unwrap_or(1))
    }
}

/// A ruleset that can be read and changed: the kernel's or a fake.
pub trait Ruleset {
    /// Returns the present generation.
    fn generation(&mut self) -> Result<Generation, Error>;

    /// Looks up a table. Returns `None` if it does not exist.
    fn table(&mut self, table: &Table) -> Result<Option<TableInfo>, Error>;

    /// Looks up a chain of a table. Returns `None` if it does not exist.
    fn chain(&mut self, table: &Table, name: &str) -> Result<Option<ChainInfo>, Error>;

    /// Lists the chains of a table. The list is empty if the table does not exist.
    fn chains(&mut self, table: &Table) -> Result<Vec<ChainInfo>, Error>;

    /// Lists the rules of a table, those of a chain in order. The list is empty if the table does
    /// not exist.
    fn rules(&mut self, table: &Table) -> Result<Vec<InstalledRule>, Error>;

    /// Looks up elements by their keys. The result has the same order, with `None` if the element,
    /// the set or the table does not exist.
    ///
    /// In a set with intervals a [`Key::One`] finds the interval that contains it, and a
    /// [`Key::Range`] only an equal interval.
    fn find(&mut self, table: &Table, keys: &[(&Set, Key)]) -> Result<Vec<Option<Element>>, Error>;

    /// Lists all elements of a set. The list is empty if the set does not exist.
    fn elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Error>;

    /// Commits a transaction atomically.
    ///
    /// # Errors
    /// If `at` is given and the ruleset is in another generation, the error
    /// [is stale](Error::is_stale).
    fn commit(&mut self, transaction: &Transaction, at: Option<Generation>) -> Result<(), Error>;

    /// Commits the transaction that `plan` makes of what it reads, again whenever another program
    /// has changed the ruleset in the meantime.
    ///
    /// # Errors
    /// That of `plan`, and those of [`commit`](Self::commit) except for one that is stale.
    fn update<E: From<Error>>(
        &mut self,
        mut plan: impl FnMut(&mut Self) -> Result<Transaction, E>,
    ) -> Result<(), E>
    where
        Self: Sized,
    {
        loop {
            let generation = self.generation()?;
            let transaction = plan(self)?;
            match self.commit(&transaction, Some(generation)) {
                Err(error) if error.is_stale() => {}
                done => return Ok(done?),
            }
        }
    }
}
