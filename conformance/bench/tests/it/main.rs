//! The benchmark's command.

#[cfg(feature = "host-tests")]
mod measures;
mod usage;
