//! A transaction: changes to one table that happen together or not at all.

use crate::nftables::chain::Chain;
use crate::nftables::data::{Key, Value};
use crate::nftables::rule::Rule;
use crate::nftables::set::{Element, Set};
use crate::nftables::table::Table;

/// Changes to one table, in order. Its text is what `nft -f` reads to the same effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub(super) table: Table,
    pub(super) operations: Vec<Operation>,
}

/// One change. As with nft, to add what is there already is no error, unless an element's key is there with another
/// value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Adds the table.
    AddTable {
        /// For people; at most 128 bytes.
        comment: Option<String>,
    },
    /// Deletes the table with all that is in it.
    DeleteTable,
    /// Adds a chain.
    AddChain(Chain),
    /// Deletes a chain that nothing leads to, and its rules.
    DeleteChain(String),
    /// Deletes all rules of a chain.
    FlushChain(String),
    /// Adds a rule at its chain's end.
    AddRule(Rule),
    /// Adds a rule at its chain's head.
    InsertRule(Rule),
    /// Deletes a rule.
    DeleteRule {
        /// Its chain.
        chain: String,
        /// See [`InstalledRule::handle`](crate::nftables::InstalledRule::handle).
        handle: u64,
    },
    /// Adds a set or a map.
    AddSet(Set),
    /// Deletes a set or a map that no rule refers to, and its elements.
    DeleteSet(String),
    /// Adds an element. In a set with intervals its key is a [`Key::Range`].
    AddElement(Element),
    /// Deletes the element that has this key; value and comment don't count.
    DeleteElement(Element),
}

impl Transaction {
    /// No changes to a table yet.
    pub fn on(table: Table) -> Self {
        Self { table, operations: Vec::new() }
    }

    /// Which table it changes.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The changes, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Adds a change.
    pub fn push(&mut self, operation: Operation) -> &mut Self {
        self.operations.push(operation);
        self
    }

    /// Adds the table.
    pub fn add_table(&mut self) -> &mut Self {
        self.push(Operation::AddTable { comment: None })
    }

    /// Deletes the table with all that is in it.
    pub fn delete_table(&mut self) -> &mut Self {
        self.push(Operation::DeleteTable)
    }

    /// Adds a chain.
    pub fn add_chain(&mut self, chain: Chain) -> &mut Self {
        self.push(Operation::AddChain(chain))
    }

    /// Deletes a chain that nothing leads to, and its rules.
    pub fn delete_chain(&mut self, name: impl Into<String>) -> &mut Self {
        self.push(Operation::DeleteChain(name.into()))
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, name: impl Into<String>) -> &mut Self {
        self.push(Operation::FlushChain(name.into()))
    }

    /// Adds a rule at its chain's end.
    pub fn add_rule(&mut self, rule: Rule) -> &mut Self {
        self.push(Operation::AddRule(rule))
    }

    /// Adds a rule at its chain's head.
    pub fn insert_rule(&mut self, rule: Rule) -> &mut Self {
        self.push(Operation::InsertRule(rule))
    }

    /// Deletes a rule by its handle.
    pub fn delete_rule(&mut self, chain: impl Into<String>, handle: u64) -> &mut Self {
        self.push(Operation::DeleteRule { chain: chain.into(), handle })
    }

    /// Adds a set or a map.
    pub fn add_set(&mut self, set: &Set) -> &mut Self {
        self.push(Operation::AddSet(set.clone()))
    }

    /// Deletes a set or a map that no rule refers to, and its elements.
    pub fn delete_set(&mut self, name: impl Into<String>) -> &mut Self {
        self.push(Operation::DeleteSet(name.into()))
    }

    /// Adds an element.
    pub fn add_element(
        &mut self,
        set: &Set,
        key: Key,
        value: Option<Value>,
        comment: Option<String>,
    ) -> &mut Self {
        let key = key_of(set, key);
        self.push(Operation::AddElement(Element { set: set.name.clone(), key, value, comment }))
    }

    /// Deletes the element that has this key, whatever its value.
    pub fn delete_element(&mut self, set: &Set, key: Key) -> &mut Self {
        let (key, set) = (key_of(set, key), set.name.clone());
        self.push(Operation::DeleteElement(Element { set, key, value: None, comment: None }))
    }
}

fn key_of(set: &Set, key: Key) -> Key {
    if set.interval { key.into_range() } else { key }
}
