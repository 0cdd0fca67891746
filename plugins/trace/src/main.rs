//! Records every call of any CNI plugin that it wraps, or of the plugins before it in a list.

mod config;

use std::process::ExitCode;

use cni_telemetry::Tracer;
use cni_wrapper::{Stack, about, run};

fn main() -> ExitCode {
    let tracer = |inner| Box::new(Tracer::new(inner, about!(), config::sinks)) as _;
    run(about!(), Stack::new().with_plugin(tracer))
}
