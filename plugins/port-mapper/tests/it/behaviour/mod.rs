//! The behaviour of all backends: each test is a function of the backend's name, and runs on each
//! of them.
//!
//! The tests need root or user namespaces, iptables in both variants, nft to inspect rules, and
//! Debian's containernetworking-plugins.

mod checks;
mod external_changes;
mod kinds;
mod nft;
mod old_iptables;
mod owners;
mod reach;
mod state;
pub(crate) mod testbed;
mod verbs;
