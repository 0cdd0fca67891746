//! What a plugin answered.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;

/// What a called plugin answered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// All that it printed on stdout.
    pub stdout: String,
    /// All that it printed on stderr.
    pub stderr: String,
    /// From its start until it had ended and both outputs were closed.
    pub took: Duration,
}

impl Outcome {
    /// Its exit status; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// What it printed on stdout, as one JSON document.
    ///
    /// # Panics
    /// When it is none, or more than one.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("stdout is not one JSON document ({error}): {self}"),
        }
    }

    /// The error that it reported: code, msg and details (empty when there are none).
    ///
    /// # Panics
    /// When it ended with exit status 0 or a signal, or printed no error object of the spec.
    #[track_caller]
    pub fn error(&self) -> (u64, String, String) {
        assert!(self.code().is_some_and(|code| code != 0), "no failure: {self}");
        let error = self.json();
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        match (error["code"].as_u64(), text("msg")) {
            (Some(code), Some(msg)) => (code, msg, text("details").unwrap_or_default()),
            _ => panic!("no error object with `code` and `msg`: {self}"),
        }
    }

    /// Checks that it ended with exit status 0.
    ///
    /// # Panics
    /// When it did not; the message holds what it printed.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.success(), "the plugin failed: {self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr, took } = self;
        write!(formatter, "{status} after {took:?}\nstdout: {stdout}\nstderr: {stderr}")
    }
}
