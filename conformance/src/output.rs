//! The output of a command, for a reader that may close the pipe at any time, as in `… | head`.
//!
//! The macros of the standard library would panic then. These go on without output, so that what
//! the command has created is removed, and its exit status says how it ended.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// Prints on stdout.
macro_rules! out {
    ($($part:tt)*) => { $crate::output::print(format_args!($($part)*)) };
}

/// Prints a line on stdout.
macro_rules! outln {
    () => { $crate::output::print(format_args!("\n")) };
    ($($part:tt)*) => { $crate::output::print(format_args!("{}\n", format_args!($($part)*))) };
}

/// Prints on stderr.
macro_rules! err {
    ($($part:tt)*) => { $crate::output::warn(format_args!($($part)*)) };
}

/// Prints a line on stderr.
macro_rules! errln {
    ($($part:tt)*) => { $crate::output::warn(format_args!("{}\n", format_args!($($part)*))) };
}

/// Prints on stdout. See `out!`.
pub(crate) fn print(text: Arguments<'_>) {
    check(io::stdout().write_fmt(text));
}

/// Prints on stderr. See `err!`.
pub(crate) fn warn(text: Arguments<'_>) {
    // There is no other place for a message.
    let _ = io::stderr().write_fmt(text);
}

/// Returns whether all output was written, or was not wanted by its reader. Call it at the end.
pub(crate) fn is_complete() -> bool {
    check(io::stdout().flush());
    !HAS_FAILED.load(Ordering::Relaxed)
}

fn check(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
        && !HAS_FAILED.swap(true, Ordering::Relaxed)
    {
        errln!("cni-conformance: stdout can't be written: {error}");
    }
}
