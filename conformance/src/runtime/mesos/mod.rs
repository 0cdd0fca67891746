//! The `network/cni` isolator of Apache Mesos.
//!
//! It runs only ADD and DEL of single plugins: no lists, no CHECK, GC, STATUS or VERSION, no
//! `CNI_ARGS`, no `runtimeConfig`, no `prevResult`. It never reads `cniVersion`, and it understands
//! only results in the oldest format.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | accepted configurations | `config.rs` |
//! | 2 | the invocation of a plugin, by pure functions | `invocation.rs` |
//! | 3 | the accepted part of a result | `accepted.rs` |
//! | 4 | start and end of containers, recovery after a restart | `isolator.rs` |
//! | 5 | the state on disk | `state_dir.rs` |
//! | 6 | JSON as Mesos prints it | `json.rs` |
//!
//! Not emulated: the commands that install the container's `/etc/hosts` and `resolv.conf`. Their
//! contents are emulated ([`accepted::Accepted`]).

pub mod accepted;
pub mod config;
pub mod invocation;
pub mod isolator;
mod json;
mod state_dir;
