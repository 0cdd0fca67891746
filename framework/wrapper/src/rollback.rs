//! The rollback of a failed ADD: a DEL of everything that it began, and of nothing else.

use crate::{call::Call, error::Error};

/// The error of the ADD, and the errors of undoing it.
pub(crate) struct Rollback {
    first: Error,
    trouble: Vec<String>,
}

impl Rollback {
    /// Begins to undo what a layer did in an ADD that failed with `error`.
    ///
    /// # Errors
    ///
    /// The attachment existed before, so there is nothing to undo: the error for the runtime.
    pub(crate) fn begin(call: &Call, error: Error) -> Result<Self, Error> {
        if call.has_earlier_add() {
            return Err(left_alone(call, error));
        }
        Ok(Self { first: error, trouble: Vec::new() })
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

    /// Runs the own cleanup of every layer outside of this call, in the order of DEL, before a DEL
    /// of the delegates. Returns false if one failed: then something may still refer to the
    /// delegates' addresses, and they must not be called.
    ///
    /// In this ADD these layers have not created anything yet. But their records and rules may be
    /// of an earlier ADD whose interface was removed without a DEL, and lead to the address that a
    /// delegate releases.
    pub(crate) async fn clean_outer_layers(&mut self, call: &Call) -> bool {
        if call.delegates().is_empty() && call.has_prev_result() {
            return true; // in the chained position no delegate is called
        }
        for cleanup in call.outer_cleanups().iter() {
            if !self.step("own cleanup", cleanup().await) {
                return false;
            }
        }
        true
    }

    /// Returns the error of the ADD, with the errors of the rollback in its details.
    pub(crate) fn into_error(self) -> Error {
        if self.trouble.is_empty() {
            return self.first;
        }
        Error::RollbackTrouble { first: Box::new(self.first), trouble: self.trouble }
    }
}

/// Undoes an ADD that failed outside of all layers, by a DEL.
pub(crate) async fn undo(
    call: &Call,
    error: Error,
    del: impl AsyncFnOnce(&Call) -> Result<(), Error>,
) -> Error {
    match Rollback::begin(call, error) {
        Err(error) => error,
        Ok(mut rollback) => {
            rollback.step("DEL", del(&call.for_rollback()).await);
            rollback.into_error()
        }
    }
}

/// Returns the error of an ADD of an attachment that existed before.
pub(crate) fn left_alone(call: &Call, error: Error) -> Error {
    if matches!(error, Error::LeftAlone { .. } | Error::AttachedElsewhere { .. }) {
        return error;
    }
    let (ifname, id) = (&call.attachment.ifname, &call.attachment.container_id);
    let left = format!(
        "{ifname} of container {id} was attached already before this ADD, and was left alone; \
         call DEL before another ADD"
    );
    log::warn!("{left}");
    Error::LeftAlone { source: Box::new(error), left }
}
