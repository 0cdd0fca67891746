//! What an operation of a runtime fails with.

use std::fmt;

use crate::exchange::Exchange;

/// Why an operation failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What the runtime says.
    pub message: String,
    /// The call that failed; `None` when no plugin was to blame, such as for a configuration that can't be read.
    pub exchange: Option<Box<Exchange>>,
}

impl Failure {
    /// One that no plugin is to blame for.
    pub(crate) fn own(message: impl Into<String>) -> Self {
        Self { message: message.into(), exchange: None }
    }

    /// One of a plugin.
    pub(crate) fn of(exchange: Exchange, message: impl Into<String>) -> Self {
        Self { message: message.into(), exchange: Some(Box::new(exchange)) }
    }

    /// The same with words before its own.
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
