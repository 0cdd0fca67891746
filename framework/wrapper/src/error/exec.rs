//! How running a child process can fail.

use std::{io, path::PathBuf, time::Duration};

/// A child process that could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// It could not be started.
    #[error("cannot execute {}: {source}{}", program.display(), hint(source))]
    Start {
        /// The file.
        program: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It passed its deadline and was stopped, with its whole process group.
    #[error("{} did not end within {deadline:?} and was stopped", program.display())]
    Deadline {
        /// The file.
        program: PathBuf,
        /// The time that it was given.
        deadline: Duration,
        /// The end of its stderr.
        stderr: Vec<u8>,
    },
    /// It wrote more than its limit and was stopped, with its whole process group.
    #[error("{} wrote more than {limit} bytes to its {stream} and was stopped", program.display())]
    OutputLimit {
        /// The file.
        program: PathBuf,
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// The limit in bytes.
        limit: usize,
        /// The end of its stderr.
        stderr: Vec<u8>,
    },
    /// A pipe to or from it failed.
    #[error("cannot communicate with {}: {source}", program.display())]
    Io {
        /// The file.
        program: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl ExecError {
    /// Returns the end of what the child wrote to stderr before it was stopped.
    pub fn stderr(&self) -> &[u8] {
        match self {
            Self::Deadline { stderr, .. } | Self::OutputLimit { stderr, .. } => stderr,
            _ => &[],
        }
    }
}

/// Returns a hint for a child that did not start.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => " (if the file exists, its interpreter or loader is missing)",
        io::ErrorKind::PermissionDenied => {
            " (the file must be executable, and its file system not mounted noexec)"
        }
        io::ErrorKind::ExecutableFileBusy => {
            " (another process has it open for writing; install it by rename)"
        }
        _ => "",
    }
}
