//! Nothing is lost and nothing stays behind when something dies or fails in the middle.
//!
//! `cargo xtask test` tries a part of the places, spread evenly; `cargo xtask faults` (PORT_MAPPER_FAULTS=all) tries them all. What they
//! found stands in RELIABILITY.md.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

#[macro_use]
#[path = "../common/backends.rs"]
mod backends;
mod bridged;
#[path = "../common/mod.rs"]
mod common;
mod killed;
mod outliving;
mod refused;
mod scene;
