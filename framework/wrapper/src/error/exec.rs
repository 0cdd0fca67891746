//! How running a child process can fail.

use std::{io, path::PathBuf, time::Duration};

/// Why a child could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// It never started.
    #[error("cannot execute {}: {source}{}", program.display(), hint(source))]
    Start {
        /// The file.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// It ran longer than its deadline and was stopped, with its whole process group.
    #[error("{} did not end within {deadline:?} and was stopped", program.display())]
    Deadline {
        /// The file.
        program: PathBuf,
        /// The time it had.
        deadline: Duration,
        /// The end of its stderr.
        stderr: Vec<u8>,
    },
    /// It wrote more than allowed and was stopped, with its whole process group.
    #[error("{} wrote more than {limit} bytes to its {stream} and was stopped", program.display())]
    Flood {
        /// The file.
        program: PathBuf,
        /// `stdout` or `stderr`.
        stream: &'static str,
        /// The bound in bytes.
        limit: usize,
        /// The end of its stderr.
        stderr: Vec<u8>,
    },
    /// A pipe to or from it failed.
    #[error("cannot talk to {}: {source}", program.display())]
    Io {
        /// The file.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ExecError {
    /// The end of what the child wrote to its stderr before it was stopped.
    pub fn stderr(&self) -> &[u8] {
        match self {
            Self::Deadline { stderr, .. } | Self::Flood { stderr, .. } => stderr,
            _ => &[],
        }
    }
}

/// What to do about a child that did not start.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => " (if the file exists, its interpreter or loader is missing)",
        io::ErrorKind::PermissionDenied => {
            " (is the file executable, and its file system not noexec?)"
        }
        io::ErrorKind::ExecutableFileBusy => {
            " (somebody keeps it open for writing; install by rename)"
        }
        _ => "",
    }
}
