//! The breaker at its place: its state in a file, its probe a lock.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cni_wrapper::{Attachment, AttachmentStore, Error, FileError, FileLock, PrivateDir};
use rustix::io::FdFlags;

use crate::Failure;
use crate::breaker::{Breaker, Gate, Outcome, State, counts};

/// Letters of an error that are remembered.
const ERROR: usize = 500;

/// What is known of a network.
#[derive(Debug)]
pub struct Memory<'b> {
    breaker: &'b Breaker,
    notes: AttachmentStore<State>,
    network: Attachment,
}

/// An ADD that was let through; as a probe it holds a lock.
#[derive(Debug)]
pub struct Pass(Option<FileLock>);

impl Breaker {
    /// What is known of a network, in files of this directory. One for which nothing is known has a closed breaker.
    ///
    /// # Errors
    ///
    /// Code 5 when the directory can't be used.
    pub fn memory(&self, directory: &Path, network: &str) -> Result<Memory<'_>, Error> {
        PrivateDir::open_existing(directory)?;
        let network = Attachment { network: network.to_owned(), ..Attachment::default() };
        Ok(Memory { breaker: self, notes: AttachmentStore::new(directory), network })
    }
}

impl Memory<'_> {
    /// Lets an ADD through, or not.
    ///
    /// # Errors
    ///
    /// Code 11 while the breaker is open, or another probe is on its way.
    pub async fn enter(&self) -> Result<Pass, Error> {
        if !self.is_half_open()? {
            return Ok(Pass(None));
        }
        let Some(probe) = self.lock("probe", Instant::now()).await? else {
            let Attachment { network, .. } = &self.network;
            return Err(Error::TryAgainLater(format!(
                "network {network:?}: after failed ADDs one is being tried; until it is known how that went, there is no other"
            )));
        };
        // The probe before may have ended a moment ago, and its outcome holds.
        let is_probe = self.is_half_open()?;
        if is_probe {
            log::warn!("the breaker is half open, and this ADD is the probe");
        }
        Ok(Pass(is_probe.then_some(probe)))
    }

    /// Whether an ADD would be a probe; an error when it would not be let through.
    fn is_half_open(&self) -> Result<bool, Error> {
        let state = self.state();
        match state.gate(now()) {
            Gate::Open(left, error) => Err(Error::TryAgainLater(self.refusal(left, error))),
            gate => Ok(gate == Gate::HalfOpen),
        }
    }

    /// Says whether an ADD could be let through.
    ///
    /// # Errors
    ///
    /// Code 50 while the breaker is open. Not when it is half open: a host that is not ready would get no container to try with.
    pub fn status(&self) -> Result<(), Error> {
        match self.state().gate(now()) {
            Gate::Open(left, error) => Err(Error::NotAvailable(self.refusal(left, error))),
            Gate::Closed | Gate::HalfOpen => Ok(()),
        }
    }

    fn refusal(&self, left: Duration, error: &str) -> String {
        let (network, left) = (&self.network.network, left.as_secs_f64());
        format!(
            "network {network:?}: ADDs failed again and again, so none is tried for another {left:.1} s; the last error was: {error}"
        )
    }

    /// Remembers how an ADD went. That this fails is no reason to fail the ADD.
    pub async fn leave<T>(&self, pass: Pass, went: &Result<T, Failure>, until: Instant) {
        let outcome = match went {
            Ok(_) => Outcome::Success,
            Err(Failure::Delegate(error)) if counts(error.code()) => {
                Outcome::Failure(error.to_string().chars().take(ERROR).collect())
            }
            Err(_) => return,
        };
        if let Err(error) = self.remember(outcome, pass.0.is_some(), until).await {
            log::error!("the breaker can't remember how ADD went: {error}");
        }
    }

    async fn remember(&self, outcome: Outcome, probe: bool, until: Instant) -> Result<(), Error> {
        if matches!(outcome, Outcome::Success) && self.noted().is_none() {
            return Ok(());
        }
        let Some(_lock) = self.lock("state", until).await? else {
            return Err(Error::TryAgainLater("its file is locked all the time".to_owned()));
        };
        match self.state().after(outcome, probe, now(), self.breaker) {
            state if state == State::default() => self.notes.remove(&self.network)?,
            state => self.notes.write(&self.network, &state)?,
        }
        Ok(())
    }

    fn state(&self) -> State {
        self.noted().unwrap_or_default()
    }

    /// What can't be used counts as a breaker that is closed.
    fn noted(&self) -> Option<State> {
        self.notes.read(&self.network).unwrap_or_else(|error| {
            log::warn!("the breaker counts as closed: {error}");
            Some(State::default())
        })
    }

    async fn lock(&self, what: &str, until: Instant) -> Result<Option<FileLock>, Error> {
        let directory = PrivateDir::open(self.notes.path())?;
        let stem = AttachmentStore::<State>::file_stem(&self.network);
        let name = format!("{stem}.{what}.lock");
        let file = directory.lock_file(&name)?;
        // Not for children: a daemon that outlives a killed plugin must not keep all others out.
        let _ = rustix::io::fcntl_setfd(&file, FdFlags::CLOEXEC);
        let path = directory.path().join(name);
        let held = FileLock::acquire(file, until).await;
        Ok(held.map_err(|source| FileError { action: "lock", path, source })?)
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_millis().try_into().unwrap_or(u64::MAX)
}
