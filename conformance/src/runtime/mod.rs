//! Plays the runtime: drives plugins exactly as libcni and Mesos's isolator do.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | what one plugin is [`Told`]: variables and input, made by pure functions | `told.rs`, `libcni/told.rs`, `mesos/told.rs` |
//! | 2 | [`Plugins`] finds and runs plugins; [`Runner`] does so on this machine or on a throw-away host | `plugins.rs`, `runner.rs` |
//! | 3 | [`Libcni`]: order, cache, what it takes for a result; its deviations are named [`Quirk`]s | `libcni/` |
//! | 4 | [`Isolator`]: Mesos's `network/cni`: checkpoints, what it reads of a result, recovery | `mesos/` |
//! | 5 | [`life`]: whole lives of attachments, each of which leaves nothing behind | `life/` |

mod failure;
mod kind;
pub mod libcni;
pub mod life;

pub mod mesos;
mod parameters;
mod plugins;
mod runner;
mod told;

pub use failure::Failure;
pub use kind::Kind;
pub use libcni::{Libcni, Network, Quirk, Quirks};
pub use mesos::Isolator;
pub use parameters::{Parameters, cni_args};
pub use plugins::{Plugins, Wanted};
pub use runner::{Runner, Site};
pub use told::Told;
