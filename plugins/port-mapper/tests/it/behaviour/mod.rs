//! The behaviour of all backends: each test is a function of the backend's name, and runs on each
//! of them.
//!
//! The tests need root or user namespaces, iptables in both variants, nft to inspect rules, and
//! Debian's containernetworking-plugins.

mod chains;
mod checks;
mod companions;
mod conditions;
mod conflicts;
mod directories;
mod external_changes;
pub(crate) mod kinds;
mod large;
mod liveness;
mod long_names;
mod lost;
mod lost_directory;
mod nft;
mod not_ours;
mod old_iptables;
mod owners;
mod portmap_keys;
mod reach;
mod state;
pub(crate) mod testbed;
mod variants;
mod verbs;
