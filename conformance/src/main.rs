//! Judges any CNI plugin binary against the specification.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::dispatch() {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("cni-conformance: {problem}");
            ExitCode::from(command::COULD_NOT_TEST)
        }
    }
}
