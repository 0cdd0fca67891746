//! Tests of the package, its completions and the container image, and of the plugins in real
//! runtimes.

#[cfg(feature = "host-tests")]
mod completions;
#[cfg(feature = "host-tests")]
mod package;
#[cfg(feature = "host-tests")]
mod programs;
#[cfg(feature = "host-tests")]
mod runtimes;
