//! All integration tests of this plugin, in one binary.

mod breaker;
mod cap;
mod common;
mod retry;

// These need root: they make network namespaces.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod traffic;
