//! All integration tests of this crate, as one binary.

mod by_hand;
mod chain;
mod cni_plugin;
mod common;
mod delegation;
mod examples;
mod exec;
mod hooks;
mod observer;
mod rollback;
mod until;
mod versions;

// They need root for network namespaces, and the reference plugins in /usr/lib/cni.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod examples_on_host;
