//! The parts of `mesos-cni-port-mapper`, for its binary and its tests. It is not an API for others.
//!
//! The road of one call:
//!
//! 1. [`middleware`] has the hooks, which call [`attach`], [`detach`], [`check`] or [`gc`].
//! 2. [`config`] and [`mappings`] read and validate the configuration. With the addresses of the
//!    result it becomes a [`claim`]: what the attachment wants.
//! 3. [`state`] stores claims, [`lock`] serialises changes, and [`other_backends`] and [`conflict`]
//!    find host ports that another [`owner`] has.
//! 4. [`apply`] has a [`backend`] create the rules, and [`host`] changes the settings that they
//!    need.
//!
//! What is decided without access to the host (`config`, `mappings`, `claim`, `conflict`, `owner`,
//! and the rules and plans of the backends) is kept apart from what changes it. [`cli`] has the
//! commands for administrators.

pub mod apply;
pub mod attach;
pub mod backend;
pub mod check;
pub mod claim;
pub mod cli;
pub mod config;
pub mod conflict;
pub mod detach;
pub mod error;
pub mod family;
pub mod gc;
pub mod host;
pub mod liveness;
pub mod lock;
pub mod mappings;
pub mod middleware;
pub mod other_backends;
pub mod owner;
pub mod problem;
pub mod state;
pub mod without_state;

pub mod guard;
pub mod install;
pub mod namespace;
pub mod ownership;
pub mod queue;
pub mod records;
pub mod wait;
pub use error::Error;
