//! Concurrency and long runs: many plugins at the same time or one after the other, some of them
//! killed.
//!
//! `cargo xtask test` runs a few seconds of it, `cargo xtask soak` (PORT_MAPPER_SOAK=all) the long
//! form. RELIABILITY.md has the results.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

mod attachment;
mod churn;
mod concurrency;
mod crowd;
mod leases;
mod ledger;
mod race;
mod simulation;
mod wide_range;

/// Reports whether the long form is requested.
fn is_long() -> bool {
    std::env::var_os("PORT_MAPPER_SOAK").is_some_and(|value| value == "all")
}
