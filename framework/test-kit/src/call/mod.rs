//! Calls of plugins: how runtimes make them, what plugins answer, and faults on the way.

pub(crate) mod builder;
pub(crate) mod fault;
mod mesos;
pub(crate) mod outcome;
