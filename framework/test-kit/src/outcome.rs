//! The outcome of a process.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

/// The exit status and the output of a process, usually a plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The exit status.
    pub status: ExitStatus,
    /// Everything that the process wrote to stdout.
    pub stdout: String,
    /// Everything that the process wrote to stderr.
    pub stderr: String,
    /// The time from the start until the process had exited and both outputs were closed.
    pub took: Duration,
}

impl Outcome {
    /// Returns the exit code, or `None` if a signal terminated the process.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns the signal that terminated the process.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Returns stdout as a JSON document.
    ///
    /// # Panics
    /// If stdout is not exactly one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("stdout is not one JSON document ({error}): {self}"),
        }
    }

    /// Returns the error that the plugin reported: code, msg and details (empty if missing).
    ///
    /// # Panics
    /// If the exit status is 0 or a signal, or stdout is not an error object of the specification.
    #[track_caller]
    pub fn error(&self) -> (u64, String, String) {
        assert!(self.code().is_some_and(|code| code != 0), "the plugin did not fail: {self}");
        let error = self.json();
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        match (error["code"].as_u64(), text("msg")) {
            (Some(code), Some(msg)) => (code, msg, text("details").unwrap_or_default()),
            _ => panic!("stdout is not an error object with `code` and `msg`: {self}"),
        }
    }

    /// Asserts that the exit status is 0.
    ///
    /// # Panics
    /// If it is not; the message contains the output.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.success(), "the process failed: {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr, took } = self;
        write!(formatter, "{status} after {took:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}
