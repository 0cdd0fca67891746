//! All integration tests of the port mapper, in one binary.

mod deploy;
mod golden;
mod programs;
mod runner;

// These create network namespaces. They need root, iptables, nftables and Debian's CNI plugins.
#[cfg(feature = "host-tests")]
#[macro_use]
mod common;
#[cfg(feature = "host-tests")]
mod another_namespace;
#[cfg(feature = "host-tests")]
mod behaviour;
#[cfg(feature = "host-tests")]
mod busy;
#[cfg(feature = "host-tests")]
mod chained;
#[cfg(feature = "host-tests")]
mod commands;
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod defects;
#[cfg(feature = "host-tests")]
mod explain;
#[cfg(feature = "host-tests")]
mod faults;
#[cfg(feature = "host-tests")]
mod firewalld;
#[cfg(feature = "host-tests")]
mod from_portmap;
#[cfg(feature = "host-tests")]
mod hostile;
#[cfg(feature = "host-tests")]
mod iptables;
#[cfg(feature = "host-tests")]
mod limited;
#[cfg(feature = "host-tests")]
mod mesos;
#[cfg(feature = "host-tests")]
mod privilege;
#[cfg(feature = "host-tests")]
mod recipes;
#[cfg(feature = "host-tests")]
mod repeated;
#[cfg(feature = "host-tests")]
mod schema;
mod soak;
