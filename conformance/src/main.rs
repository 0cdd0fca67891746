//! Judges any CNI plugin binary against the specification.

// In every file, instead of the macros of the standard library.
#[macro_use]
extern crate cni_output;

mod commands;

use std::process::ExitCode;

use cni_output::finish;

use commands::ExitStatus;

fn main() -> ExitCode {
    let status = commands::execute().unwrap_or_else(|problem| {
        errln!("cni-conformance: {problem}");
        ExitStatus::CouldNotTest
    });
    finish("cni-conformance", status, ExitStatus::CouldNotTest)
}
