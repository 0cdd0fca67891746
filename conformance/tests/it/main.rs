//! The integration tests of the harness, in one program.

mod generated;
mod junit;
mod reports;
mod requirements;
mod runtime;
mod schema;
mod support;
mod validate;

// These create network namespaces, which needs root, or a kernel that lets users create user
// namespaces.
#[cfg(feature = "host-tests")]
mod action;
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
mod relaunch;
#[cfg(feature = "host-tests")]
mod replay;
#[cfg(feature = "host-tests")]
mod runtime_commands;
#[cfg(feature = "host-tests")]
mod unprivileged;
