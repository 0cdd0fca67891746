//! Runtime emulators: drive plugins exactly as libcni and Mesos's isolator do.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the [`invocation::Invocation`] of a plugin, its variables and input, made by pure functions | `invocation.rs`, `libcni/invocation.rs`, `mesos/invocation.rs` |
//! | 2 | [`exec::Exec`] finds and runs plugins; [`runner::Runner`] does so on this machine or on a throw-away host | `exec.rs`, `runner.rs` |
//! | 3 | [`libcni::Libcni`]: order, cache, accepted results; its deviations are named [`libcni::quirk::Quirk`]s | `libcni/` |
//! | 4 | [`mesos::isolator::Isolator`]: Mesos's `network/cni`: checkpoints, what it reads of a result, recovery | `mesos/` |
//! | 5 | [`lifecycle`]: whole lifecycles of attachments, each of which leaves nothing behind | `lifecycle/` |

pub mod exec;
pub mod failure;
pub mod invocation;
pub mod kind;
pub mod libcni;
pub mod lifecycle;
pub mod mesos;
pub mod runner;
pub mod runtime_conf;
