//! All tests of the harness from outside its library, in one program.

mod junit;
mod reports;
mod generated;
mod requirements;
mod runtime;
mod schema;
mod support;
mod validate;

// These make network namespaces: as root, or where the kernel lets users make user namespaces.
#[cfg(feature = "host-tests")]
mod broken;
#[cfg(feature = "host-tests")]
mod check;
#[cfg(feature = "host-tests")]
mod command;
#[cfg(feature = "host-tests")]
mod debian;
#[cfg(feature = "host-tests")]
mod explain;
#[cfg(feature = "host-tests")]
mod honest;
#[cfg(feature = "host-tests")]
mod leftovers;
#[cfg(feature = "host-tests")]
mod lifecycle;
#[cfg(feature = "host-tests")]
mod mutants;
#[cfg(feature = "host-tests")]
mod page;
#[cfg(feature = "host-tests")]
mod real_plugins;
#[cfg(feature = "host-tests")]
mod replay;
#[cfg(feature = "host-tests")]
mod runtime_commands;
#[cfg(feature = "host-tests")]
mod unprivileged;
