//! Recordings, metrics and spans of the calls of CNI plugins that wrap other CNI plugins.
//!
//! [`Tracer`] is a plugin around a plugin, so that any stack can be traced. It observes a call and
//! the delegate calls in it as events, and writes them to [`Sinks`]: a recording, metrics and
//! spans. It changes nothing, and a failed write is only logged.
//!
//! ```no_run
//! use cni_telemetry::{Sinks, Tracer};
//! use cni_wrapper::{Call, Error, Stack, about, run};
//! use std::path::PathBuf;
//!
//! fn sinks(_: &Call) -> Result<Sinks, Error> {
//!     Ok(Sinks::default().with_recording("recording", PathBuf::from("/var/log/cni.jsonl")))
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     let tracer = |inner| Box::new(Tracer::new(inner, about!(), sinks)) as _;
//!     run(about!(), Stack::new().with_plugin(tracer))
//! }
//! ```
//!
//! `cni-trace` is a plugin that consists of nothing else.

mod append;
mod event;
mod lock;
mod metrics;
mod recording;
mod redact;
mod sinks;
mod spans;
mod tracer;

pub use sinks::Sinks;
pub use tracer::Tracer;
