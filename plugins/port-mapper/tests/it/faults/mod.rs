//! Nothing is lost and nothing stays behind when something dies or fails in the middle.
//!
//! `cargo xtask test` tries a part of the places, spread evenly; `cargo xtask faults` (PORT_MAPPER_FAULTS=all) tries them all. What they
//! found stands in RELIABILITY.md.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

mod bridged;
mod killed;
mod outliving;
mod refused;
mod scene;
