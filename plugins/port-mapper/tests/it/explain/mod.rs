//! `explain` on hosts that are broken in exactly one way.

mod testbed;

mod container;
mod firewall;
mod host;
