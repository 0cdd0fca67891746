//! nf_tables: tables, chains, rules and sets, changed in transactions, without the nft binary.
//!
//! The words are nft's. A [`Transaction`] is a value: it can be built without a kernel, compared, and shown as the text
//! that `nft -f` reads to the same effect. Whatever has a [`Ruleset`] can be asked and changed: the [`Kernel`], or a
//! [`FakeRuleset`] in a test.
//!
//! * All of a transaction happens, or nothing. An element whose key is taken, with another value, refuses it: so two
//!   programs that want the same key are told apart by the kernel itself.
//! * Whoever decides by what it has read commits at the [`Generation`] that it has read first. When the ruleset was
//!   changed meanwhile, the error [is stale](crate::Error::is_stale), nothing happened, and all begins anew.
//! * An error names the refused operation, also one of thousands, and what is probably wrong.
//!
//! Only what a port mapper needs can be said: see [`Statement`]. What others wrote is listed all the same, with
//! the names of the steps that are not known.
//!
//! ```no_run
//! use cni_netlink::nftables::{Field, Kernel, Key, Ruleset, Set, Table, Transaction, DataType, Value, ValueType};
//! # fn main() -> Result<(), cni_netlink::Error> {
//! let ports = Set {
//!     name: "ports".into(),
//!     key: vec![DataType::InetProto, DataType::InetService],
//!     value: ValueType::Data(vec![DataType::Ipv4Addr, DataType::InetService]),
//!     interval: false,
//!     comment: None,
//! };
//! let key = Key::One(vec![Field::Proto(6), Field::Port(8080)]);
//! let target = Value::Data(vec![Field::Ipv4([10, 0, 0, 2].into()), Field::Port(80)]);
//! let mut transaction = Transaction::on(Table::inet("example"));
//! transaction.add_table().add_set(&ports).add_element(&ports, key, Some(target), Some("web".into()));
//! assert!(transaction.to_string().ends_with(
//!     "add element inet example ports { tcp . 8080 comment \"web\" : 10.0.0.2 . 80 }\n"
//! ));
//!
//! let mut kernel = Kernel::open()?;
//! let generation = kernel.generation()?;
//! // Here it would be read what is there, and decided what to do.
//! kernel.commit(&transaction, Some(generation))?;
//! # Ok(()) }
//! ```

mod bytecode;
mod chain;
mod data;
mod explain;
mod expression;
mod fake;
mod kernel;
mod rule;
mod ruleset;
mod set;
mod statement;
mod table;
mod text;
mod transaction;
mod validate;
mod wire;

#[cfg(test)]
mod tests;

/// Reads bytes as each kind of message that the kernel may send: for fuzzing.
#[doc(hidden)]
pub fn read_anything(payload: &[u8]) {
    wire::decode::anything(payload);
}

pub use chain::{BaseChain, Chain, ChainInfo, ChainType, Hook, Policy};
pub use data::{DataType, Field, Key, Value, Verdict};
pub use expression::Expression;
pub use fake::FakeRuleset;
pub use kernel::Kernel;
pub use rule::{InstalledRule, Rule};
pub use ruleset::{Generation, Ruleset};
pub use set::{Element, Set, ValueType};
pub use statement::{Op, Operand, Selector, SetRef, Statement};
pub use table::{Family, Table, TableInfo};
pub use transaction::{Operation, Transaction};
