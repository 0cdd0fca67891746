//! A program to run, its limits and its outcome.

use std::{ffi::OsString, path::PathBuf, process::ExitStatus, time::Duration};

/// A program to run, with its input and limits.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The file to execute. It is not searched for in PATH, and no shell is involved.
    pub program: PathBuf,
    /// The arguments after argv\[0\], which is the path of the program.
    pub args: Vec<OsString>,
    /// The whole environment. Nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// The input on stdin. The child need not read it.
    pub stdin: Vec<u8>,
    /// The limits.
    pub limits: Limits,
}

/// How long a child may run and how much it may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The wall-clock time until its end, from its start or from
    /// [`Child::communicate`](super::Child::communicate).
    pub deadline: Duration,
    /// The most bytes of stdout. A child that writes more is stopped.
    pub stdout: usize,
    /// How many bytes of stderr are kept, the last ones. A child that writes 64 times that many is
    /// stopped.
    pub stderr: usize,
}

impl Default for Limits {
    /// Returns 60 s, 4 MiB of stdout, and the last 256 KiB of stderr.
    fn default() -> Self {
        Self { deadline: Duration::from_secs(60), stdout: 4 << 20, stderr: 256 << 10 }
    }
}

/// The outcome of a child that was not stopped.
#[derive(Debug)]
pub struct Output {
    /// The exit status or signal.
    pub status: ExitStatus,
    /// All of its stdout; empty if that was passed on in pieces.
    pub stdout: Vec<u8>,
    /// The end of its stderr.
    pub stderr: Vec<u8>,
    /// The time from start to end.
    pub took: Duration,
}
