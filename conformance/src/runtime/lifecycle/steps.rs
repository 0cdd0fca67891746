//! The steps of a lifecycle and their outcomes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::exchange::{Exchange, shorten};
use crate::runtime::failure::Failure;
use crate::verdict::{CaseResult, Stop};

/// A step of a lifecycle.
#[derive(Clone, Debug)]
pub struct Step {
    /// The action: `DEL of c1, again`.
    pub what: String,
    /// Whether its outcome is as expected.
    pub passed: bool,
    /// A remark on the outcome.
    pub note: Option<String>,
    /// When it was recorded, after the start of the lifecycle.
    pub at: Duration,
}

/// The steps so far, and the call that failed.
#[derive(Debug)]
pub(super) struct Steps {
    began: Instant,
    done: Mutex<(Vec<Step>, Option<Exchange>)>,
}

impl Steps {
    /// Returns no steps of a lifecycle that begins now.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), done: Mutex::default() }
    }

    /// Records a step that must succeed.
    pub(super) fn succeeds<T>(&self, what: &str, done: Result<T, Failure>) -> CaseResult<T> {
        match done {
            Ok(value) => {
                self.passed(what, None);
                Ok(value)
            }
            Err(failure) => {
                let actual = failure.message.clone();
                Err(self.failed(what, "success", actual, failure.exchange.map(|one| *one)))
            }
        }
    }

    /// Records a step that must succeed, with a remark.
    pub(super) fn succeeds_with(
        &self,
        what: &str,
        done: Result<Option<String>, Failure>,
    ) -> CaseResult {
        match done {
            Ok(note) => {
                self.passed(what, note);
                Ok(())
            }
            Err(failure) => self.succeeds(what, Err(failure)),
        }
    }

    /// Records a step that must succeed, with its times in any case.
    pub(super) fn timed(&self, what: &str, done: Result<(), Failure>, times: String) -> CaseResult {
        match done {
            Ok(()) => {
                self.passed(what, Some(times));
                Ok(())
            }
            Err(failure) => {
                self.push(what, false, Some(times), failure.exchange.map(|one| *one));
                Err(Stop::finding(format!("{what}: success"), failure.message))
            }
        }
    }

    /// Records a step in which the plugin must fail.
    pub(super) fn fails<T>(&self, what: &str, done: Result<T, Failure>) -> CaseResult {
        match done {
            Err(Failure { exchange: Some(_), message }) => {
                self.passed(what, Some(format!("failed as expected: {}", shorten(&message))));
                Ok(())
            }
            Err(failure) => Err(self.failed(what, "an error of the plugin", failure.message, None)),
            Ok(_) => Err(self.failed(what, "an error", "success".to_owned(), None)),
        }
    }

    /// Records an expectation about the state.
    pub(super) fn expects(&self, what: &str, result: CaseResult) -> CaseResult {
        match &result {
            Ok(()) => self.passed(what, None),
            Err(_) => self.push(what, false, None, None),
        }
        result
    }

    /// Records a step with the expected outcome.
    pub(super) fn passed(&self, what: &str, note: Option<String>) {
        self.push(what, true, note, None);
    }

    fn failed(
        &self,
        what: &str,
        expected: &str,
        actual: String,
        exchange: Option<Exchange>,
    ) -> Stop {
        self.push(what, false, None, exchange);
        Stop::finding(format!("{what}: {expected}"), actual)
    }

    fn push(&self, what: &str, passed: bool, note: Option<String>, exchange: Option<Exchange>) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.0.push(Step { what: what.to_owned(), passed, note, at: self.began.elapsed() });
        if exchange.is_some() {
            done.1 = exchange;
        }
    }

    /// Returns the steps so far.
    pub(super) fn all(&self) -> Vec<Step> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Returns the call that failed.
    pub(super) fn exchange(&self) -> Option<Exchange> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
