//! Nothing is lost or left behind if a process is killed, or a system call fails, at any point.
//!
//! `cargo xtask test` tries an evenly spread part of the system calls, `cargo xtask faults`
//! (PORT_MAPPER_FAULTS=all) all of them. RELIABILITY.md has the results.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

mod bridged;
mod fixture;
mod killed;
mod outliving;
mod refused;
