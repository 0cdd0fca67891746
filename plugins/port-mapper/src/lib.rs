//! The parts of `mesos-cni-port-mapper`, for its binary and its tests. It is not an API for others.
//!
//! The road of one call:
//!
//! 1. [`middleware`] has the hooks, which call [`attach`], [`detach`], [`check`] or [`gc`].
//! 2. [`config`] and [`mappings`] read and validate the configuration. With the addresses of the
//!    result it becomes a [`claim`]: what the attachment wants.
//! 3. [`install`] has what an ADD does under the [`lock`]. [`records`] has the claims of all
//!    attachments ([`state`]), [`ownership`] decides with them and with [`liveness`] who has a host
//!    port, [`wait`] waits for one that another container has, and [`other_backends`] and
//!    [`conflict`] find those that only rules show to be another [`owner`]'s.
//! 4. [`apply`] has a [`backend`] create the rules, and [`host`] changes the settings that they
//!    need.
//!
//! What is decided without access to the host (`config`, `conditions`, `mappings`, `claim`,
//! `conflict`, `owner`, `ownership`, and the rules and plans of the backends) is kept apart from
//! what changes it.
//! [`cli`] has the commands for administrators.

pub mod apply;
pub mod attach;
pub mod backend;
pub mod check;
pub mod claim;
pub mod cli;
pub mod conditions;
pub mod config;
pub mod conflict;
pub mod detach;
pub mod error;
pub mod family;
mod files;
pub mod gc;
pub mod guard;
pub mod host;
pub mod install;
pub mod liveness;
pub mod lock;
pub mod mappings;
pub mod middleware;
pub mod moment;
mod ordered;
pub mod other_backends;
pub mod owner;
pub mod ownership;
pub mod problem;
mod program;
pub mod queue;
pub mod records;
pub mod state;
pub mod unknown_claims;
pub mod wait;
pub mod without_state;

pub use error::Error;
