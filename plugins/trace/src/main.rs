//! Records every call of any CNI plugin that it wraps, or of the plugins before it in a list.
//!
//! Called by a container runtime, with `CNI_COMMAND` set, it is a CNI plugin. Called from the
//! command line, it shows recordings.

mod cli;
mod config;
mod report;

use std::process::ExitCode;

use cni_telemetry::Tracer;
use cni_wrapper::{Stack, about, run};

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 && std::env::var_os("CNI_COMMAND").is_none() {
        return cli::run(about!());
    }
    let tracer = |inner| Box::new(Tracer::new(inner, about!(), config::sinks)) as _;
    run(about!(), Stack::new().with_plugin(tracer))
}
