//! The parts of `cni-trace`, for its binary, its tests, and other stacks that want to be traced.
//!
//! [`Tracer`] is a plugin around a plugin. What it sees becomes events; a call's events become a line of the
//! recording, metrics and spans, a file of the source each.

mod append;
mod config;
mod event;
mod lock;
mod metrics;
mod record;
mod redact;
mod spans;
mod tracer;

pub use tracer::Tracer;
