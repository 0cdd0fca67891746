//! A failed ADD is answered with a DEL of everything that it began.

use crate::error::Error;

/// The error that the runtime will see, and what went wrong while undoing.
pub(crate) struct Rollback {
    first: Error,
    trouble: Vec<String>,
}

impl Rollback {
    pub(crate) fn of(first: Error) -> Self {
        Self { first, trouble: Vec::new() }
    }

    /// Notes how a step went; true when it went well.
    pub(crate) fn step(&mut self, what: &str, outcome: Result<(), Error>) -> bool {
        match outcome {
            Ok(()) => true,
            Err(error) => {
                let trouble = format!("rollback: {what} failed: {error}");
                log::error!("{trouble}");
                self.trouble.push(trouble);
                false
            }
        }
    }

    /// The first error is what counts; trouble goes to its details.
    pub(crate) fn into_error(self) -> Error {
        if self.trouble.is_empty() {
            return self.first;
        }
        Error::RollbackTrouble { first: Box::new(self.first), trouble: self.trouble }
    }
}
