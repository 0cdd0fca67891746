//! Judges any CNI plugin binary against the specification.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod commands;

use std::process::ExitCode;

use commands::ExitStatus;

fn main() -> ExitCode {
    match commands::execute() {
        Ok(status) => status.into(),
        Err(problem) => {
            eprintln!("cni-conformance: {problem}");
            ExitStatus::CouldNotTest.into()
        }
    }
}
