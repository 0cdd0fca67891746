//! `explain` on hosts that are broken in exactly one way.

mod testbed;

mod add;
mod container;
mod doctor;
mod firewall;
mod hooks;
mod host;
mod ipv6;
mod routing;
