//! The error of a runtime operation.

use std::fmt;

use crate::exchange::Exchange;

/// The error of a runtime operation.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The error message of the runtime.
    pub message: String,
    /// The call that failed; `None` if the failure is not due to a plugin, such as an unreadable
    /// configuration.
    pub exchange: Option<Box<Exchange>>,
}

impl Failure {
    /// Returns a failure that is not due to a plugin.
    pub(crate) fn own(message: impl Into<String>) -> Self {
        Self { message: message.into(), exchange: None }
    }

    /// Returns the failure of a plugin.
    pub(crate) fn of(exchange: Exchange, message: impl Into<String>) -> Self {
        Self { message: message.into(), exchange: Some(Box::new(exchange)) }
    }

    /// Prefixes the message with its context.
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
