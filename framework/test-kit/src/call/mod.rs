//! Calls of plugins, as runtimes make them or with injected faults.

pub(crate) mod builder;
pub(crate) mod fault;
mod mesos;
