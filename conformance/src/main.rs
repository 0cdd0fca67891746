//! Judges any CNI plugin binary against the specification.

#[macro_use]
mod output;
mod commands;

use std::process::ExitCode;

use commands::ExitStatus;

fn main() -> ExitCode {
    let status = commands::execute().unwrap_or_else(|problem| {
        errln!("cni-conformance: {problem}");
        ExitStatus::CouldNotTest
    });
    if output::is_complete() { status.into() } else { ExitStatus::CouldNotTest.into() }
}
