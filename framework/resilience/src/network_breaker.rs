//! The circuit breaker of a network at run time: its history is a file, its probe holds a lock.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cni_wrapper::{Attachment, AttachmentStore, Error, FileError, FileLock, PrivateDir};

use crate::call::Failure;
use crate::circuit_breaker::{CircuitBreaker, History, Outcome, State, counts};
use crate::lock_file::lock_file;

/// The number of characters of an error that are stored.
const MAX_ERROR: usize = 500;

/// The circuit breaker of one network.
#[derive(Debug)]
pub struct NetworkBreaker<'c> {
    config: &'c CircuitBreaker,
    store: AttachmentStore<History>,
    network: Attachment,
}

/// The admission of an ADD by a [`NetworkBreaker`]. That of a probe holds a lock.
#[derive(Debug)]
pub struct Admission(Option<FileLock>);

impl CircuitBreaker {
    /// Returns the circuit breaker of a network, whose state is stored in files in `directory`.
    /// It is closed if nothing is stored.
    ///
    /// # Errors
    ///
    /// Code 5 if the directory can't be used.
    pub fn for_network(
        &self,
        directory: &Path,
        network: &str,
    ) -> Result<NetworkBreaker<'_>, Error> {
        PrivateDir::open_existing(directory)?;
        let (store, network) = (AttachmentStore::new(directory), Attachment::of_network(network));
        Ok(NetworkBreaker { config: self, store, network })
    }
}

impl NetworkBreaker<'_> {
    /// Admits an ADD, unless the breaker is open or another probe is running.
    ///
    /// # Errors
    ///
    /// Code 11 if the ADD is refused.
    pub async fn admit(&self) -> Result<Admission, Error> {
        if !self.is_half_open()? {
            return Ok(Admission(None));
        }
        let Some(probe) = self.lock("probe", Instant::now()).await? else {
            return Err(Error::TryAgainLater(format!(
                "network {:?}: the circuit breaker is half open and another ADD is its probe; \
                 ADDs are refused until that has ended",
                self.network.network
            )));
        };
        // The previous probe may have ended a moment ago; its outcome counts.
        let is_probe = self.is_half_open()?;
        if is_probe {
            log::warn!("the circuit breaker is half open, and this ADD is its probe");
        }
        Ok(Admission(is_probe.then_some(probe)))
    }

    /// Reports whether an ADD would be a probe. Fails if it would be refused.
    fn is_half_open(&self) -> Result<bool, Error> {
        match self.history().state(now()) {
            State::Open { left, error } => Err(Error::TryAgainLater(self.refusal(left, error))),
            state => Ok(state == State::HalfOpen),
        }
    }

    /// Checks whether an ADD could be admitted.
    ///
    /// A half-open breaker counts as available: a runtime sends no containers to a host that is not
    /// ready, so there would never be a probe.
    ///
    /// # Errors
    ///
    /// Code 50 while the breaker is open.
    pub fn status(&self) -> Result<(), Error> {
        match self.history().state(now()) {
            State::Open { left, error } => Err(Error::NotAvailable(self.refusal(left, error))),
            State::Closed | State::HalfOpen => Ok(()),
        }
    }

    fn refusal(&self, left: Duration, error: &str) -> String {
        let (network, left) = (&self.network.network, left.as_secs_f64());
        format!(
            "network {network:?}: the circuit breaker is open for another {left:.1} s, \
             since ADD failed repeatedly; the last error was: {error}"
        )
    }

    /// Records the outcome of an admitted ADD, waiting for the lock until `deadline`.
    ///
    /// An outcome that can't be recorded is logged, and does not fail the ADD.
    pub async fn record<T>(
        &self,
        admission: Admission,
        outcome: &Result<T, Failure>,
        deadline: Instant,
    ) {
        let outcome = match outcome {
            Ok(_) => Outcome::Success,
            Err(Failure::Delegate(error)) if counts(error.code()) => {
                Outcome::Failure(error.to_string().chars().take(MAX_ERROR).collect())
            }
            Err(_) => return,
        };
        if let Err(error) = self.update(outcome, admission.0.is_some(), deadline).await {
            log::error!("the circuit breaker can't record the outcome of ADD: {error}");
        }
    }

    async fn update(
        &self,
        outcome: Outcome,
        is_probe: bool,
        deadline: Instant,
    ) -> Result<(), Error> {
        if matches!(outcome, Outcome::Success) && self.stored_history().is_none() {
            return Ok(());
        }
        let Some(_lock) = self.lock("state", deadline).await? else {
            let why = "other processes held the lock on its file until the deadline";
            return Err(Error::TryAgainLater(why.to_owned()));
        };
        match self.history().after(outcome, is_probe, now(), self.config) {
            history if history == History::default() => self.store.remove(&self.network)?,
            history => self.store.write(&self.network, &history)?,
        }
        Ok(())
    }

    fn history(&self) -> History {
        self.stored_history().unwrap_or_default()
    }

    /// Returns `None` if nothing is stored. A file that can't be used counts as a closed breaker.
    fn stored_history(&self) -> Option<History> {
        self.store.read(&self.network).unwrap_or_else(|error| {
            log::warn!("the circuit breaker counts as closed: {error}");
            Some(History::default())
        })
    }

    async fn lock(&self, kind: &str, deadline: Instant) -> Result<Option<FileLock>, Error> {
        let directory = self.store.directory()?;
        let stem = AttachmentStore::<History>::file_stem(&self.network);
        let name = format!("{stem}.{kind}.lock");
        let file = lock_file(directory, &name)?;
        let path = directory.path().join(name);
        let lock = FileLock::acquire(file, deadline).await;
        Ok(lock.map_err(|source| FileError { action: "lock", path, source })?)
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis().try_into().unwrap_or(u64::MAX)
}
