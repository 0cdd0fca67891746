//! All integration tests of this plugin, in one binary.

mod circuit_breaker;
mod common;
mod concurrency_limit;
mod config;
mod permits;
mod retry;
mod state_dir;

// These need root: they make network namespaces.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod traffic;
