//! Creates and removes rules. [`Backend`] is what the port mapper expects from a backend, each
//! folder contains one, and [`Backends`] opens those that a call uses.

pub mod iptables;
pub mod nftables;

mod detect;
mod interface;
mod opened;
mod presence;

pub use interface::{
    Backend, ExistingRules, Hints, Installed, OwnedPorts, ProgramEnvironment, Readiness,
};
pub use opened::{AnyBackend, Backends};
pub use presence::has_no_rules;
