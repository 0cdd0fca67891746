//! The package, its completions and the container image, and real runtimes with the plugins.

#[cfg(feature = "host-tests")]
mod completions;
#[cfg(feature = "host-tests")]
mod package;
#[cfg(feature = "host-tests")]
mod programs;
#[cfg(feature = "host-tests")]
mod runtimes;
