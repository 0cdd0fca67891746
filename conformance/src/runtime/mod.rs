//! Runtime emulators: drive plugins exactly as libcni and Mesos's isolator do.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the [`invocation::Invocation`] of a plugin, built by pure functions | `*/invocation.rs` |
//! | 2 | [`exec::Exec`] finds and runs plugins, here or on a host | `exec.rs`, `runner.rs` |
//! | 3 | [`libcni::Libcni`]: order, cache, accepted results, and its quirks | `libcni/` |
//! | 4 | [`mesos::isolator::Isolator`]: checkpoints, accepted results, recovery | `mesos/` |
//! | 5 | [`lifecycle`]s of attachments, each of which leaves nothing behind | `lifecycle/` |

pub mod exec;
pub mod failure;
pub mod invocation;
pub mod kind;
pub mod libcni;
pub mod lifecycle;
pub mod mesos;
pub mod runner;
pub mod runtime_conf;
