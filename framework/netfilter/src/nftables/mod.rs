//! nf_tables: tables, chains, rules, sets, in transactions, without the nft binary.

mod anonymous;
mod bytes;
mod check;
mod compile;
mod data;
mod decompile;
mod encode;
mod explain;
mod expression;
mod fake;
mod kernel;
mod object;
mod parse;
mod ruleset;
mod set;
mod show;
mod statement;
mod step;
mod transaction;
mod wire;

pub use data::{Field, Key, Type, Value, Verdict};
pub use expression::Expression;
pub use fake::Fake;
pub use kernel::Kernel;
pub use object::{Base, Chain, Family, Hook, Kind, Policy, Rule, Table};
pub use ruleset::{ChainInfo, Generation, InstalledRule, Ruleset, TableInfo};
pub use set::{Element, Set, ValueType};
pub use statement::{Op, Right, Selector, SetRef, Statement};
pub use transaction::{Operation, Transaction};
