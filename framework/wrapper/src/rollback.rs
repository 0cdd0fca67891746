//! The rollback of a failed ADD: a DEL of everything that it began.

use crate::error::Error;

/// The error of the ADD, and the errors of undoing it.
pub(crate) struct Rollback {
    first: Error,
    trouble: Vec<String>,
}

impl Rollback {
    pub(crate) fn of(first: Error) -> Self {
        Self { first, trouble: Vec::new() }
    }

    /// Records the outcome of a step. Returns true if it succeeded.
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

    /// Returns the error of the ADD, with the errors of the rollback in its details.
    pub(crate) fn into_error(self) -> Error {
        if self.trouble.is_empty() {
            return self.first;
        }
        Error::RollbackTrouble { first: Box::new(self.first), trouble: self.trouble }
    }
}
