//! What can be asked of a ruleset, and done to it.

use crate::error::Error;
use crate::nftables::chain::ChainInfo;
use crate::nftables::data::Key;
use crate::nftables::rule::InstalledRule;
use crate::nftables::set::{Element, Set};
use crate::nftables::table::{Table, TableInfo};
use crate::nftables::transaction::Transaction;

/// A ruleset's state: it changes with every change in the network namespace, whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation(pub(crate) u32);

impl Generation {
    /// The generation of a network namespace in which no transaction was ever committed.
    pub const FIRST: Self = Self(1);
}

/// A ruleset that can be read and changed: the kernel's, or a fake of it.
pub trait Ruleset {
    /// The state that it is in now.
    fn generation(&mut self) -> Result<Generation, Error>;

    /// A table; `None` when there is none.
    fn table(&mut self, table: &Table) -> Result<Option<TableInfo>, Error>;

    /// A chain of a table; `None` when there is none.
    fn chain(&mut self, table: &Table, name: &str) -> Result<Option<ChainInfo>, Error>;

    /// The chains of a table; none when there is no such table.
    fn chains(&mut self, table: &Table) -> Result<Vec<ChainInfo>, Error>;

    /// The rules of a table, those of a chain in their order; none when there is no such table.
    fn rules(&mut self, table: &Table) -> Result<Vec<InstalledRule>, Error>;

    /// Elements by their keys, in the same order; `None` where there is no such element, set or table.
    ///
    /// In a set with intervals a [`Key::One`] finds the interval that holds it, a [`Key::Range`] only itself.
    fn find(&mut self, table: &Table, keys: &[(&Set, Key)]) -> Result<Vec<Option<Element>>, Error>;

    /// All elements of a set; none when there is no such set.
    fn elements(&mut self, table: &Table, set: &Set) -> Result<Vec<Element>, Error>;

    /// Does all of it, or nothing. With `at` only when the ruleset is still in that state, else the
    /// error [is stale](Error::is_stale).
    fn commit(&mut self, transaction: &Transaction, at: Option<Generation>) -> Result<(), Error>;
}
