//! A call as a whole: in a slot, again where that may help, and never longer than its deadline.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_std::{future, task};
use cni_wrapper::{Attachment, Call, Error, FileLock, PrivateDir, Verb, VerbFuture};

use crate::{Cap, Deadline, Retry};

/// A call of a plugin's inner plugin, and what it is held to: a deadline, and tries and a cap when they are [added](Self::again).
#[derive(Debug)]
pub struct Attempts {
    verb: Verb,
    /// For the whole call.
    time: Duration,
    deadline: Deadline,
    call: Call,
    retry: Option<Retry>,
    cap: Option<(Cap, PathBuf)>,
}

/// Whose failure it is.
#[derive(Debug)]
pub enum Failure {
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

impl Attempts {
    /// The clock starts here.
    pub fn of(call: &Call, verb: Verb, time: Duration) -> Self {
        let deadline = Deadline::of(verb, time, Instant::now());
        let call = call.with_deadline(deadline.work);
        Self { verb, time, deadline, call, retry: None, cap: None }
    }

    /// Tries again what failed, but never STATUS: whoever asks does so again and again, and wants to know how it is now.
    #[must_use]
    pub fn again(mut self, retry: &Retry) -> Self {
        self.retry = Some(retry.clone());
        self
    }

    /// Waits for a slot before each try, but not of STATUS: a busy host is ready. The slots are in this directory; a DEL does without
    /// where that can't be used.
    #[must_use]
    pub fn within(mut self, cap: &Cap, directory: &Path) -> Self {
        self.cap = Some((cap.clone(), directory.to_owned()));
        self
    }

    /// As the inner plugin is to get it: its delegates are stopped in time.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The two moments.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Runs the inner verb, once for each try. Where the time for delegates was not enough, all is dropped, and with it the delegate killed.
    ///
    /// # Errors
    ///
    /// That of the last try; code 11 when the time is over or no slot was to be had.
    pub async fn run<'a, T>(&self, inner: impl Fn() -> VerbFuture<'a, T>) -> Result<T, Failure> {
        let left = self.deadline.end.saturating_duration_since(Instant::now());
        let outcome = future::timeout(left, self.repeat(inner)).await;
        outcome.unwrap_or_else(|_| Err(Failure::Delegate(self.too_late())))
    }

    async fn repeat<'a, T>(&self, inner: impl Fn() -> VerbFuture<'a, T>) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            let slot = self.slot().await.map_err(Failure::Ours)?;
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

    async fn slot(&self) -> Result<Option<FileLock>, Error> {
        let cap = self.cap.as_ref().filter(|_| self.verb != Verb::Status);
        let Some((cap, directory)) = cap else { return Ok(None) };
        if self.verb == Verb::Del
            && let Err(error) = PrivateDir::open(directory)
        {
            log::warn!("DEL does without a slot of {cap}: {error}");
            return Ok(None);
        }
        let holder = signature(&self.call, self.verb);
        cap.take(directory, &holder, self.deadline.work).await.map(Some)
    }

    fn pause(&self, tries: u32, error: &Error) -> Option<Duration> {
        let retry = self.retry.as_ref().filter(|_| self.verb != Verb::Status)?;
        let left = self.deadline.work.saturating_duration_since(Instant::now());
        retry.pause(tries, error.code(), left, fastrand::f64())
    }

    fn too_late(&self) -> Error {
        let (verb, time) = (self.verb, self.time);
        let left = match verb {
            Verb::Add => "; there was no time to undo it, so send DEL before the next ADD",
            _ => "",
        };
        Error::TryAgainLater(format!(
            "{verb} did not end within {time:?}, which is its deadline, and was stopped{left}"
        ))
    }
}

/// Who it is, for those who wait.
fn signature(call: &Call, verb: Verb) -> String {
    let Attachment { network, container_id, ifname } = &call.attachment;
    let of = if container_id.is_empty() {
        String::new()
    } else {
        format!(" of {ifname} of container {container_id}")
    };
    format!("process {} ({verb}{of}, network {network})", std::process::id())
}
