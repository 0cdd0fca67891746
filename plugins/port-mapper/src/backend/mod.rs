//! Creates and removes rules. [`Backend`] is what the port mapper expects from a backend, each
//! folder contains one, and [`Backends`] opens those that a call uses.

pub mod iptables;
pub mod nftables;

mod any;
mod choice;
mod detect;
mod foreign;
mod guard;
mod interface;
mod opened;
mod remains;

pub use any::AnyBackend;
pub use choice::Choice;
pub use detect::legacy_matches;
pub use interface::{
    Backend, ChainNote, ChainOrigin, ChainRecord, ExistingRules, Guard, Hints, Installed, Jump,
    OwnedPorts, ProgramEnvironment, Readiness,
};
pub use opened::Backends;

pub(crate) use nftables::{MappingRules, lacks_nf_tables, mapping_rules, table as own_table};
