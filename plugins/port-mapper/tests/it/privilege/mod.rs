//! What the port mapper does with root's rights: which programs it runs with which words and environment, and which files it touches.
//!
//! How these stand beside the other tests tells `docs/threat-model.md`.

mod attack;
mod programs;
mod unit;

/// Two that run programs; the third backend runs none.
const IPTABLES: [&str; 2] = ["iptables-nft", "iptables-legacy"];
