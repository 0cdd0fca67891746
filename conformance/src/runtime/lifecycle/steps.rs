//! The steps of a lifecycle: what the runtime is asked to do, and how it went.

use std::sync::{Mutex, PoisonError};

use crate::exchange::{Exchange, shorten};
use crate::runtime::failure::Failure;
use crate::verdict::{CaseResult, Stop};

/// A step of a lifecycle.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was done: `DEL of c1, again`.
    pub what: String,
    /// Whether it went as it has to.
    pub right: bool,
    /// What else is to be said about it.
    pub note: Option<String>,
}

/// The steps so far, and the call that went wrong.
#[derive(Debug, Default)]
pub(super) struct Steps {
    done: Mutex<(Vec<Step>, Option<Exchange>)>,
}

impl Steps {
    /// This has to succeed.
    pub(super) fn succeeds<T>(&self, what: &str, done: Result<T, Failure>) -> CaseResult<T> {
        match done {
            Ok(value) => {
                self.right(what, None);
                Ok(value)
            }
            Err(failure) => {
                let actual = failure.message.clone();
                Err(self.wrong(what, "success", actual, failure.exchange.map(|one| *one)))
            }
        }
    }

    /// This has to succeed, and may have something to say about it.
    pub(super) fn succeeds_with(
        &self,
        what: &str,
        done: Result<Option<String>, Failure>,
    ) -> CaseResult {
        match done {
            Ok(note) => {
                self.right(what, note);
                Ok(())
            }
            Err(failure) => self.succeeds(what, Err(failure)),
        }
    }

    /// This has to fail, and it has to be the plugin that refuses.
    pub(super) fn fails<T>(&self, what: &str, done: Result<T, Failure>) -> CaseResult {
        match done {
            Err(Failure { exchange: Some(_), message }) => {
                self.right(what, Some(format!("refused: {}", shorten(&message))));
                Ok(())
            }
            Err(failure) => Err(self.wrong(what, "an error of the plugin", failure.message, None)),
            Ok(_) => Err(self.wrong(what, "an error", "success".to_owned(), None)),
        }
    }

    /// It was looked at, not done.
    pub(super) fn shows(&self, what: &str, judged: CaseResult) -> CaseResult {
        match &judged {
            Ok(()) => self.right(what, None),
            Err(_) => self.push(what, false, None, None),
        }
        judged
    }

    /// It went as it has to.
    pub(super) fn right(&self, what: &str, note: Option<String>) {
        self.push(what, true, note, None);
    }

    fn wrong(
        &self,
        what: &str,
        expected: &str,
        actual: String,
        exchange: Option<Exchange>,
    ) -> Stop {
        self.push(what, false, None, exchange);
        Stop::finding(format!("{what}: {expected}"), actual)
    }

    fn push(&self, what: &str, right: bool, note: Option<String>, exchange: Option<Exchange>) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0.push(Step { what: what.to_owned(), right, note });
        if exchange.is_some() {
            done.1 = exchange;
        }
    }

    /// The steps so far.
    pub(super) fn all(&self) -> Vec<Step> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The call that went wrong.
    pub(super) fn exchange(&self) -> Option<Exchange> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
