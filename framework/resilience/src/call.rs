//! A call under a deadline, with retries and a concurrency limit where they are configured.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_io::Timer;
use async_std::future;
use cni_wrapper::{Attachment, Call, Error, PrivateDir, Verb, VerbFuture};

use crate::concurrency_limit::{ConcurrencyLimit, Permit};
use crate::deadline::Deadline;
use crate::retry::Retry;

/// A call of an inner plugin that is bounded by a deadline, and optionally retried and limited in
/// concurrency.
#[derive(Debug)]
pub struct ResilientCall {
    verb: Verb,
    /// For the whole call.
    timeout: Duration,
    deadline: Deadline,
    call: Call,
    retry: Option<Retry>,
    limit: Option<(ConcurrencyLimit, PathBuf)>,
}

/// Why a [`ResilientCall`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The inner plugin was called, and failed or was stopped at the deadline.
    Delegate(Error),
    /// The inner plugin was not called, since no permit could be acquired.
    NotCalled(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Delegate(error) | Failure::NotCalled(error) => error,
        }
    }
}

impl ResilientCall {
    /// Starts the clock of a call that may take `timeout` in total.
    pub fn new(call: &Call, verb: Verb, timeout: Duration) -> Self {
        let deadline = Deadline::new(verb, timeout, Instant::now());
        let call = call.with_deadline(deadline.soft);
        Self { verb, timeout, deadline, call, retry: None, limit: None }
    }

    /// Retries failed attempts.
    ///
    /// STATUS is never retried: a runtime polls it, and wants to know the state as it is now.
    #[must_use]
    pub fn with_retry(mut self, retry: &Retry) -> Self {
        self.retry = Some(retry.clone());
        self
    }

    /// Acquires a permit before each attempt, from files in `directory`.
    ///
    /// STATUS needs no permit: a busy host is ready. DEL goes on without one if the directory can't
    /// be used.
    #[must_use]
    pub fn with_concurrency_limit(mut self, limit: &ConcurrencyLimit, directory: &Path) -> Self {
        self.limit = Some((limit.clone(), directory.to_owned()));
        self
    }

    /// Returns the call to pass to the inner plugin, whose delegates are stopped at the soft
    /// deadline.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Returns the soft and the hard deadline.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Runs the inner verb, once for each attempt.
    ///
    /// At the hard deadline the future is dropped, which kills a delegate that is still running.
    ///
    /// # Errors
    ///
    /// The error of the last attempt, or code 11 if the deadline has passed or no permit could be
    /// acquired.
    pub async fn run<'a, T>(&self, inner: impl Fn() -> VerbFuture<'a, T>) -> Result<T, Failure> {
        let time_left = self.deadline.hard.saturating_duration_since(Instant::now());
        let outcome = future::timeout(time_left, self.attempt_repeatedly(inner)).await;
        outcome.unwrap_or_else(|_| Err(Failure::Delegate(self.deadline_exceeded())))
    }

    async fn attempt_repeatedly<'a, T>(
        &self,
        inner: impl Fn() -> VerbFuture<'a, T>,
    ) -> Result<T, Failure> {
        let mut attempts = 0;
        loop {
            let permit = self.permit().await.map_err(Failure::NotCalled)?;
            attempts += 1;
            let error = match inner().await {
                Ok(result) => return Ok(result),
                Err(error) => error,
            };
            drop(permit);
            let Some(delay) = self.delay(attempts, &error) else {
                return Err(Failure::Delegate(error));
            };
            let verb = self.verb;
            log::warn!("attempt {attempts} of {verb} failed, retrying in {delay:.0?}: {error}");
            Timer::after(delay).await;
        }
    }

    async fn permit(&self) -> Result<Option<Permit>, Error> {
        let limit = self.limit.as_ref().filter(|_| self.verb != Verb::Status);
        let Some((limit, directory)) = limit else { return Ok(None) };
        if self.verb == Verb::Del
            && let Err(error) = PrivateDir::open(directory)
        {
            log::warn!("{limit}: DEL goes on without a permit: {error}");
            return Ok(None);
        }
        let holder = description(&self.call, self.verb);
        limit.acquire(directory, &holder, self.deadline.soft).await.map(Some)
    }

    fn delay(&self, attempts: u32, error: &Error) -> Option<Duration> {
        let retry = self.retry.as_ref().filter(|_| self.verb != Verb::Status)?;
        let time_left = self.deadline.soft.saturating_duration_since(Instant::now());
        retry.delay(attempts, error.code(), time_left, fastrand::f64())
    }

    fn deadline_exceeded(&self) -> Error {
        let (verb, timeout) = (self.verb, self.timeout);
        let cleanup = match verb {
            Verb::Add => "; there was no time to undo it, so send DEL before the next ADD",
            _ => "",
        };
        Error::TryAgainLater(format!(
            "{verb} did not end within its deadline of {timeout:?} and was stopped{cleanup}"
        ))
    }
}

/// Describes this process and its call to others that wait for its permit.
fn description(call: &Call, verb: Verb) -> String {
    let Attachment { network, container_id, ifname } = &call.attachment;
    let of = if container_id.is_empty() {
        String::new()
    } else {
        format!(" of {ifname} of container {container_id}")
    };
    format!("process {} ({verb}{of}, network {network})", std::process::id())
}
