//! Writes down what passes a CNI plugin that wraps another CNI plugin: recordings, metrics, spans.
//!
//! [`Tracer`] is a plugin around a plugin, so that any stack can be traced. What it sees becomes events; a call's events become a line of the
//! recording, metrics and spans, a file of the source each. It changes nothing, and trouble with writing is told on the log only.
//!
//! ```no_run
//! use cni_telemetry::{Sinks, Tracer};
//! use cni_wrapper::{Call, Error, Stack, about, run};
//!
//! fn sinks(_: &Call) -> Result<Sinks, Error> {
//!     Ok(Sinks { recording: Some("/var/log/cni.jsonl".into()), ..Sinks::default() })
//! }
//!
//! # fn main() -> std::process::ExitCode {
//! run(about!(), Stack::new().with_plugin(|inner| Box::new(Tracer::around(inner, about!(), sinks))))
//! # }
//! ```
//!
//! `cni-trace` is a whole plugin of it.

mod append;
mod event;
mod metrics;
mod record;
mod redact;
mod sinks;
mod spans;
mod tracer;

use std::time::Duration;

pub use sinks::Sinks;
pub use tracer::Tracer;

/// Whoever holds a lock is done in a millisecond; one that hangs holds nobody up for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
