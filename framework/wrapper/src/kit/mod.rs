//! What authors reach for beyond hooks: files, locks, conditions, and observers.
//!
//! Nothing in here depends on the layers, so the toolkit itself uses these parts, too.

pub(crate) mod attachment_store;
mod collect;
pub(crate) mod conditions;
mod cpu_time;
pub(crate) mod file_lock;
pub(crate) mod file_stem;
pub(crate) mod known_keys;
pub(crate) mod liveness;
pub(crate) mod lock_turns;
pub(crate) mod namespace;
pub(crate) mod network_namespace;
pub(crate) mod observer;
pub(crate) mod owner_tag;
pub(crate) mod pattern;
pub(crate) mod private_dir;
pub(crate) mod renamed_keys;
pub(crate) mod worker;
