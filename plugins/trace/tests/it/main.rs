//! All integration tests of this plugin, in one binary.

mod common;
mod exports;
mod failures;
mod recording;
mod result_dir;

// These need root: they make network namespaces.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod report;
#[cfg(feature = "host-tests")]
mod traffic;
