//! Runs a plugin that meets with a fault right before one of its system calls:
//! `CNI_TEST_FAULT="NUMBER FAULT PROGRAM"`, FAULT being `kill-plugin`, `kill-caller` or
//! `fail-ERRNO`. System calls are counted from 1, over the program and all its children.
//!
//! The program gets this one's arguments and streams, and its environment without that variable.
//! The last line on stderr says what became of it.
#![allow(clippy::print_stderr, reason = "a program for tests")]

mod order;
mod refuse;
mod watch;

use std::process::ExitCode;

use order::{MARK, Order};
use watch::{End, carry_out};

/// A word of ours in place of the program's answer.
const UNABLE: u8 = 99;

fn main() -> ExitCode {
    match Order::of_environment().and_then(|order| carry_out(&order)) {
        Ok(End { status, words }) => {
            eprintln!("{MARK}: {words}");
            ExitCode::from(status)
        }
        Err(problem) => {
            eprintln!("{MARK}: {problem}");
            ExitCode::from(UNABLE)
        }
    }
}
