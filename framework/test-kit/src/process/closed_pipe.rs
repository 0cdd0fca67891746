//! A reader that does not want all output, as `head`.

use std::io;
use std::process::Command;

/// Runs a program whose stdout is a pipe that its reader has closed. Returns its exit status and
/// its stderr.
///
/// # Panics
/// If the program does not start.
#[track_caller]
pub fn run_into_closed_pipe(command: &mut Command) -> (Option<i32>, String) {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    let output = command.stdout(writer).output().expect("the program starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
