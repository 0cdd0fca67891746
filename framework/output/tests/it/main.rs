//! All integration tests of this crate, in one binary.

// These need root: a browser in a process namespace.
#[cfg(feature = "host-tests")]
mod page;
