//! The `network/cni` isolator of Apache Mesos.
//!
//! It drives ADD and DEL of single plugins and nothing else: no lists, no CHECK, GC, STATUS or VERSION, no `CNI_ARGS`, no
//! `runtimeConfig`, no `prevResult`. It never reads a `cniVersion`, and understands results of the oldest form only.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | which configurations it takes | `config.rs` |
//! | 2 | what a plugin is invocation, by pure functions | `invocation.rs` |
//! | 3 | what it reads of a result | `accept.rs` |
//! | 4 | containers start, end, and are found again after a restart | `isolator.rs` |
//! | 5 | what it keeps on disk | `tree.rs` |
//!
//! Not played: the commands that set up the container's files (`/etc/hosts`, `resolv.conf`); their content is
//! ([`accepted::Accepted`]).

pub mod accepted;
pub mod config;
pub mod invocation;
pub mod isolator;
mod state_dir;
