//! Writes down every call that passes, around any CNI plugin or after others.

use std::process::ExitCode;

use cni_trace::Tracer;
use cni_wrapper::{Stack, about, run};

fn main() -> ExitCode {
    run(about!(), Stack::new().with_plugin(|inner| Box::new(Tracer::around(inner))))
}
