//! Writes down every call that passes, around any CNI plugin or after others.

mod config;

use std::process::ExitCode;

use cni_telemetry::Tracer;
use cni_wrapper::{Stack, about, run};

fn main() -> ExitCode {
    let tracer = |inner| Box::new(Tracer::around(inner, about!(), config::sinks)) as _;
    run(about!(), Stack::new().with_plugin(tracer))
}
