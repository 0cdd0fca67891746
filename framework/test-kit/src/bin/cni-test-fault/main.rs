//! Runs a plugin and injects a fault immediately before one of its system calls.
//!
//! `CNI_TEST_FAULT="NUMBER FAULT PROGRAM"` selects the fault: `kill-plugin`, `kill-caller` or
//! `fail-ERRNO`. System calls are counted from 1, over the program and all its children: for a kill
//! those that can change something outside the process, for an error those that can fail. With
//! `lacks-SUBSYSTEM`, the kernel refuses all requests to a netfilter subsystem, and the number has
//! no meaning.
//!
//! The program inherits the arguments, the streams and the environment, except for that variable.
//! The last line on stderr reports the outcome.
#![allow(clippy::print_stderr, reason = "a program for tests")]

mod effect;
mod lack;
mod order;
mod skip;
mod trace;

use std::process::ExitCode;

use order::{MARK, Order};
use trace::{End, run};

/// The exit status if the fault could not be injected.
const UNABLE: u8 = 99;

fn main() -> ExitCode {
    match Order::from_environment().and_then(|order| run(&order)) {
        Ok(End { status, report }) => {
            eprintln!("{MARK}: {report}");
            ExitCode::from(status)
        }
        Err(problem) => {
            eprintln!("{MARK}: {problem}");
            ExitCode::from(UNABLE)
        }
    }
}
