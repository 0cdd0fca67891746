//! What the port mapper does as root: which programs it executes with which arguments and
//! environment, and which files it writes.
//!
//! `docs/threat-model.md` lists these tests among the others.

mod hostile_call;
mod programs;
mod unit;

/// The backends that execute programs.
const IPTABLES: [&str; 2] = ["iptables-nft", "iptables-legacy"];
