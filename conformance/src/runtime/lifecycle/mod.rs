//! Complete lifecycles of attachments, as runtimes run them. Each leaves the host as it was.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the [`setup::Setup`]: a plugin or a network, and the runtime | `setup.rs` |
//! | 2 | the [`testbed::Testbed`]: a disposable host and the runtime | `testbed.rs` |
//! | 3 | its actions, which are recorded as steps | `actions.rs`, `steps.rs` |
//! | 4 | the lifecycles, all listed in `catalogue.rs` | `normal.rs`, `failures.rs` and so on |
//! | 5 | a machine outside the host, which connects to mapped ports | `outside.rs` |
//! | 6 | running one, with its verdict | `run.rs` |

mod actions;
pub mod catalogue;
mod concurrent;
pub mod definition;
mod failures;
mod normal;
mod outside;
mod relaunch;
pub mod run;
pub mod setup;
pub mod steps;
pub mod testbed;
