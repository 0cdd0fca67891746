//! Crowded lives and long ones: many plugins at once, many one after the other, some of them killed.
//!
//! `cargo xtask test` has a few seconds of it; `cargo xtask soak` (PORT_MAPPER_SOAK=all) has the long form. What they found
//! stands in RELIABILITY.md.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

mod attachment;
mod churn;
mod crowd;
mod ledger;
mod race;
mod town;

/// Whether the long form is asked for.
fn is_long() -> bool {
    std::env::var_os("PORT_MAPPER_SOAK").is_some_and(|value| value == "all")
}
