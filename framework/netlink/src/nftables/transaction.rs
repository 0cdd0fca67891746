//! Transactions: atomic changes to one table.

use crate::nftables::chain::Chain;
use crate::nftables::chain::Rule;
use crate::nftables::data::{Key, Value};
use crate::nftables::set::{Element, Set};
use crate::nftables::table::Table;

/// An atomic sequence of changes to one table. It is displayed as input for `nft -f` that has the
/// same effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    pub(super) table: Table,
    pub(super) operations: Vec<Operation>,
}

/// One change. As in nft, adding an existing object is not an error, unless it is an element whose
/// key exists with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Adds the table.
    AddTable {
        /// The comment, at most 128 bytes.
        comment: Option<String>,
    },
    /// Deletes the table and its content.
    DeleteTable,
    /// Adds a chain.
    AddChain(Chain),
    /// Deletes a chain that is not referenced, and its rules.
    DeleteChain(String),
    /// Deletes all rules of a chain.
    FlushChain(String),
    /// Appends a rule to its chain.
    AddRule(Rule),
    /// Inserts a rule at the beginning of its chain.
    InsertRule(Rule),
    /// Deletes a rule.
    DeleteRule {
        /// The chain of the rule.
        chain: String,
        /// The handle; see [`InstalledRule::handle`](crate::nftables::InstalledRule::handle).
        handle: u64,
    },
    /// Adds a set or a map.
    AddSet(Set),
    /// Deletes a set or a map that is not referenced by a rule, and its elements.
    DeleteSet(String),
    /// Adds an element. In a set with intervals the key is a [`Key::Range`].
    AddElement(Element),
    /// Deletes the element with this key; the value and the comment are ignored.
    DeleteElement(Element),
}

impl Transaction {
    /// Returns an empty transaction on a table.
    pub fn new(table: Table) -> Self {
        Self { table, operations: Vec::new() }
    }

    /// Returns the table that the transaction changes.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Reports whether the transaction is empty.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Returns the changes, in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Appends a change.
    pub fn push(&mut self, operation: Operation) -> &mut Self {
        self.operations.push(operation);
        self
    }

    /// Adds the table.
    pub fn add_table(&mut self) -> &mut Self {
        self.push(Operation::AddTable { comment: None })
    }

    /// Deletes the table and its content.
    pub fn delete_table(&mut self) -> &mut Self {
        self.push(Operation::DeleteTable)
    }

    /// Adds a chain.
    pub fn add_chain(&mut self, chain: Chain) -> &mut Self {
        self.push(Operation::AddChain(chain))
    }

    /// Deletes a chain that is not referenced, and its rules.
    pub fn delete_chain(&mut self, name: impl Into<String>) -> &mut Self {
        self.push(Operation::DeleteChain(name.into()))
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, name: impl Into<String>) -> &mut Self {
        self.push(Operation::FlushChain(name.into()))
    }

    /// Appends a rule to its chain.
    pub fn add_rule(&mut self, rule: Rule) -> &mut Self {
        self.push(Operation::AddRule(rule))
    }

    /// Inserts a rule at the beginning of its chain.
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

    /// Deletes a set or a map that is not referenced by a rule, and its elements.
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
        let key = element_key(set, key);
        self.push(Operation::AddElement(Element { set: set.name.clone(), key, value, comment }))
    }

    /// Deletes the element with this key.
    pub fn delete_element(&mut self, set: &Set, key: Key) -> &mut Self {
        let (key, set) = (element_key(set, key), set.name.clone());
        self.push(Operation::DeleteElement(Element { set, key, value: None, comment: None }))
    }
}

/// Returns the key as elements of the set contain it: as a range if the set has intervals.
fn element_key(set: &Set, key: Key) -> Key {
    if set.interval { key.into_range() } else { key }
}
