//! The parts of `mesos-cni-port-mapper`, for its binary and its tests. No API for others.
//!
//! The road of one call: [`middleware`] has the hooks; [`attach`], [`detach`], [`check`] and [`gc`] are their parts,
//! a verb each. What is decided without touching the host ([`config`], [`mappings`], [`conflict`], the rules and
//! plans of [`backend::iptables`]) stands apart from what touches it ([`state`], [`lock`], [`host`],
//! `backend::iptables::run`). [`cli`] has the commands for people.

pub mod attach;
pub mod backend;
pub mod check;
pub mod claim;
pub mod cli;
pub mod config;
pub mod conflict;
pub mod detach;
pub mod elsewhere;
pub mod error;
pub mod family;
pub mod gc;
pub mod host;
pub mod liveness;
pub mod lock;
pub mod mappings;
pub mod middleware;
pub mod owner;
pub mod state;

pub use error::{Error, Problem};
