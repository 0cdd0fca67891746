//! Concurrency and long runs: many plugins at the same time or one after the other, some of them
//! killed.
//!
//! `cargo xtask test` runs a few seconds of it, twice as many concurrent calls with `--all`, and
//! `cargo xtask soak` (PORT_MAPPER_SOAK=all) the long form. RELIABILITY.md has the results.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

mod attachment;
mod chaos;
mod churn;
mod concurrency;
mod crowd;
mod leases;
mod ledger;
mod race;
mod relaunch;
mod simulation;
mod wide_range;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// In the long form, a test that measures durations runs alone.
static LOAD: RwLock<()> = RwLock::new(());

/// Waits, in the long form, until no test measures durations.
fn loads_the_machine() -> Option<RwLockReadGuard<'static, ()>> {
    is_long().then(|| LOAD.read().unwrap_or_else(PoisonError::into_inner))
}

/// Waits, in the long form, until no other test runs.
fn measures_durations() -> Option<RwLockWriteGuard<'static, ()>> {
    is_long().then(|| LOAD.write().unwrap_or_else(PoisonError::into_inner))
}

/// Reports whether the long form is requested.
fn is_long() -> bool {
    std::env::var_os("PORT_MAPPER_SOAK").is_some_and(|value| value == "all")
}

/// Reports whether all that `cargo xtask test --all` adds is requested.
fn is_all() -> bool {
    std::env::var_os("CNI_CONFORMANCE_ALL").is_some_and(|value| value == "1")
}
