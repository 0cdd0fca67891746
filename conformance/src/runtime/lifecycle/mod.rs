//! Whole lifecycles of attachments, as a runtime drives them. Each leaves the host as it was.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the [`setup::Setup`]: a plugin or a network, and the runtime that drives it | `setup.rs` |
//! | 2 | the [`testbed::Testbed`]: a throw-away host and the runtime, with its steps | `testbed.rs`, `actions.rs`, `steps.rs` |
//! | 3 | the lifecycles, each a literal and a function | `normal.rs`, `failures.rs`, `concurrent.rs` |
//! | 4 | one is run and judged | `run.rs` |

mod actions;
pub mod catalogue;
mod concurrent;
pub mod definition;
mod failures;
mod normal;
pub mod run;
pub mod setup;
pub mod steps;
pub mod testbed;
