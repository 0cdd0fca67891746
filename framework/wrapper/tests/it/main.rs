//! All integration tests of this crate, as one binary.

mod attachment_store;
mod chain;
#[cfg(feature = "cni-plugin")]
mod cni_plugin;
mod common;
mod deadline;
mod delegation;
mod examples;
mod exec;
mod hook_limit;
mod hooks;
mod leftovers;
mod missing_delegate;
mod observer;
mod private_dir;
mod process;
mod repeated_add;
mod rewrite;
mod rollback;
mod selection;
mod versions;

// These need root for network namespaces, and the reference plugins in /usr/lib/cni.
#[cfg(feature = "host-tests")]
mod conformance;
#[cfg(feature = "host-tests")]
mod examples_on_host;
#[cfg(feature = "host-tests")]
mod netns;
#[cfg(feature = "host-tests")]
mod network_examples;
