//! nf_tables: tables, chains, rules and sets, changed in transactions, without the nft binary.
//!
//! The terms are those of nft. A [`Transaction`] is a value: it can be built without a kernel,
//! compared, and displayed as the input with which `nft -f` has the same effect. A [`Ruleset`] can
//! be queried and changed: the [`Kernel`]'s, or a [`FakeRuleset`] in a test.
//!
//! * A transaction is atomic. It is refused if it adds an element whose key exists with another
//!   value, so the kernel itself resolves a race between two programs for the same key.
//! * A change that depends on what was read is committed at the [`Generation`] that was read first.
//!   If the ruleset has changed since, nothing happens and the error
//!   [is stale](crate::Error::is_stale). The caller then starts over.
//! * An error names the refused operation, even one of thousands, and the probable cause.
//!
//! [`Statement`] covers what port mappers and packet filters need, and has a way out,
//! [`Statement::Raw`]. Rules of other programs are listed with the names of the expressions that
//! this crate does not know.
//!
//! | To find … | look in |
//! |---|---|
//! | vocabulary | `table`, `chain`, `set`, `data`, `prefix`, `statement`, `action`, `expression` |
//! | changes and their syntax in nft | `transaction`, `text`, `validate` |
//! | rules as the kernel executes them | `bytecode` |
//! | the netlink representation | `wire` |
//! | rulesets and their errors | `ruleset`, `kernel`, `interval_set`, `fake`, `explain` |
//!
//! ```no_run
//! use cni_netlink::nftables::{
//!     DataType, Field, Kernel, Key, Ruleset, Set, Table, Transaction, Value, ValueType,
//! };
//! # fn main() -> Result<(), cni_netlink::Error> {
//! let port = [DataType::InetProto, DataType::InetService];
//! let endpoint = vec![DataType::Ipv4Addr, DataType::InetService];
//! let ports = Set::new("ports", port, ValueType::Data(endpoint));
//! let key = Key::One(vec![Field::Proto(6), Field::Port(8080)]);
//! let target = Value::Data(vec![Field::Ipv4([10, 0, 0, 2].into()), Field::Port(80)]);
//! let mut transaction = Transaction::new(Table::inet("example"));
//! transaction.add_table().add_set(&ports);
//! transaction.add_element(&ports, key, Some(target), Some("web".into()));
//! assert!(transaction.to_string().ends_with(
//!     "add element inet example ports { tcp . 8080 comment \"web\" : 10.0.0.2 . 80 }\n"
//! ));
//!
//! let mut kernel = Kernel::open()?;
//! let generation = kernel.generation()?;
//! // Here the program would read the ruleset and decide what to change.
//! kernel.commit(&transaction, Some(generation))?;
//! # Ok(()) }
//! ```

mod action;
mod bytecode;
mod chain;
mod data;
mod explain;
mod expression;
mod fake;
mod inspect;
mod interval_set;
mod kernel;
mod prefix;
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

/// Decodes bytes as every type of message that the kernel may send. For fuzzing.
#[doc(hidden)]
pub fn decode_as_every_type(payload: &[u8]) {
    wire::decode::as_every_type(payload);
}

pub use action::{CtState, Limit, Log, LogDestination, LogLevel, Reject, TimeUnit};
pub use chain::{BaseChain, Chain, ChainInfo, ChainType, Hook, InstalledRule, Policy, Rule};
pub use data::{DataType, Field, Key, Value, Verdict};
pub use expression::{Expression, RawExpression};
pub use fake::FakeRuleset;
pub use inspect::RawElement;
pub use kernel::Kernel;
pub use prefix::{NotAPrefix, prefixes};
pub use ruleset::{Generation, Ruleset};
pub use set::{Element, Set, ValueType};
pub use statement::{Op, Operand, Selector, SetRef, Statement};
pub use table::{Family, Table, TableInfo};
pub use transaction::{Operation, Transaction};
pub use wire::decode::rule_view::{ExpressionView, RuleView};
