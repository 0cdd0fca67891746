//! Integration tests of the benchmark's command line.

#[cfg(feature = "host-tests")]
mod measures;
mod usage;
