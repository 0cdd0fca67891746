//! One guarded call: in a slot, again where that may help, and never longer than its deadline.

use std::time::Instant;

use async_std::{future, task};
use cni_wrapper::{Answer, Call, Error, Verb, code};

use crate::config::Settings;
use crate::deadline::Deadline;
use crate::retry::pause;
use crate::slots;

/// A call, and what it is held to.
pub(crate) struct Job {
    /// What is done, which is not what was asked where an ADD is undone.
    verb: Verb,
    pub(crate) settings: Settings,
    pub(crate) deadline: Deadline,
    /// As the delegate gets it.
    pub(crate) call: Call,
}

/// Whose failure it is.
pub(crate) enum Failure {
    /// The delegate was at it.
    Delegate(Error),
    /// It was not called.
    Ours(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Delegate(error) | Failure::Ours(error) => error,
        }
    }
}

impl Job {
    /// The clock starts here.
    ///
    /// # Errors
    ///
    /// Code 7, with the key that is wrong.
    pub(crate) fn of(call: &Call, verb: Verb) -> Result<Self, Error> {
        let settings = Settings::of(call, verb)?;
        let deadline = Deadline::of(verb, settings.deadline.0, Instant::now());
        Ok(Self { verb, settings, deadline, call: call.until(deadline.work) })
    }

    /// Runs the inner verb. Where the deadline for delegates is not enough, all is dropped, and with it the delegate killed.
    pub(crate) async fn run<'a, T>(&self, inner: impl Fn() -> Answer<'a, T>) -> Result<T, Failure> {
        let left = self.deadline.end.saturating_duration_since(Instant::now());
        let outcome = future::timeout(left, self.repeat(inner)).await;
        outcome.unwrap_or_else(|_| Err(Failure::Delegate(self.too_late())))
    }

    async fn repeat<'a, T>(&self, inner: impl Fn() -> Answer<'a, T>) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            let slot = slots::take(&self.settings, &self.call, self.verb, self.deadline.work).await;
            let slot = slot.map_err(Failure::Ours)?;
            tries += 1;
            let error = match inner().await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            drop(slot);
            let Some(pause) = self.pause(tries, &error) else {
                return Err(Failure::Delegate(error));
            };
            let verb = self.verb;
            log::warn!("{verb} failed {tries} times and is tried again in {pause:.0?}: {error}");
            task::sleep(pause).await;
        }
    }

    fn pause(&self, tries: u32, error: &Error) -> Option<std::time::Duration> {
        let left = self.deadline.work.saturating_duration_since(Instant::now());
        match self.verb {
            // Whoever asks does so again and again, and wants to know how it is now.
            Verb::Status => None,
            _ => pause(&self.settings.retry, tries, code(error), left, fastrand::f64()),
        }
    }

    fn too_late(&self) -> Error {
        let (verb, time) = (self.verb, self.settings.deadline.0);
        let left = match verb {
            Verb::Add => "; there was no time to undo it, so send DEL before the next ADD",
            _ => "",
        };
        Error::TryAgainLater(format!(
            "{verb} did not end within {time:?}, which is guard.deadline, and was stopped{left}"
        ))
    }
}
