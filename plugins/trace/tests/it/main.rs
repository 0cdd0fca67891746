//! All integration tests of this plugin, in one binary.

mod common;
mod exports;
mod recording;
mod trouble;

// These need root: they make network namespaces.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod traffic;
