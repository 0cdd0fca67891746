//! The iptables backend with the real iptables, in both variants, on a fixture host.
//!
//! Needs root (or a user namespace), iptables, iptables-legacy and their programs for IPv6.

mod conflicts;
mod fixture;
mod other_programs;
mod programs;
mod rules;
