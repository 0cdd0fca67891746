//! Text on stdout and stderr.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

/// Why a text could not be written on stdout.
static FAILURE: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints on stdout.
#[macro_export]
macro_rules! out {
    ($($part:tt)*) => { $crate::print(::core::format_args!($($part)*)) };
}

/// Prints a line on stdout.
#[macro_export]
macro_rules! outln {
    () => { $crate::print(::core::format_args!("\n")) };
    ($($part:tt)*) => {
        $crate::print(::core::format_args!("{}\n", ::core::format_args!($($part)*)))
    };
}

/// Prints on stderr.
#[macro_export]
macro_rules! err {
    ($($part:tt)*) => { $crate::warn(::core::format_args!($($part)*)) };
}

/// Prints a line on stderr.
#[macro_export]
macro_rules! errln {
    ($($part:tt)*) => {
        $crate::warn(::core::format_args!("{}\n", ::core::format_args!($($part)*)))
    };
}

/// Prints on stdout: what `out!` and `outln!` call.
pub fn print(text: Arguments<'_>) {
    record(io::stdout().write_fmt(text));
}

/// Prints on stderr: what `err!` and `errln!` call.
pub fn warn(text: Arguments<'_>) {
    // There is no other place for a message.
    let _ = io::stderr().write_fmt(text);
}

/// Returns the exit status of a program: `status`, or `incomplete` if stdout could not be written,
/// with a message on stderr. A pipe that its reader has closed is not a failure.
///
/// It is called once, at the end.
pub fn finish(
    program: &str,
    status: impl Into<ExitCode>,
    incomplete: impl Into<ExitCode>,
) -> ExitCode {
    record(io::stdout().flush());
    match FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => status.into(),
        Some(error) => {
            errln!("{program}: stdout can't be written: {error}");
            incomplete.into()
        }
    }
}

/// Remembers the first failure.
fn record(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}
