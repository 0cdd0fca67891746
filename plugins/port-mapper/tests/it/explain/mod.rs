//! `explain` on hosts that are broken in exactly one way.

mod testbed;

mod add;
mod container;
mod firewall;
mod host;
