//! The record of this host: what concerns all attachments, in whichever state directory their
//! claims are.
//!
//! "This host" is the network namespace in which the plugin runs, since rules and settings belong
//! to it. Its record is the default state directory. It contains
//!
//! - `lock`: who holds it may change rules ([`lock`](crate::lock));
//! - `ports`: which claims have which host ports ([`ports`](super::ports));
//! - `waiting`: the ADDs that wait for a host port ([`queue`](crate::queue));
//! - `route_localnet`: who needs that setting ([`localhost`](super::localhost));
//! - `chains`: who made which chain ([`chains`](super::chains)).
//!
//! It can be lost: the next call starts a new one from the claims in its state directory.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cni_wrapper::{FileError, PrivateDir};

use crate::config::DEFAULT_STATE_DIR;
use crate::error::Error;
use crate::state::State;

const LOCK: &str = "lock";

/// The record of this host.
#[derive(Clone, Debug)]
pub struct HostRecord {
    directory: PrivateDir,
    is_new: bool,
}

impl HostRecord {
    /// Opens the record, and creates it if it is missing.
    ///
    /// If the default state directory can't be used, it is in `state_dir`, and then unknown to
    /// calls with another `stateDir`.
    ///
    /// # Errors
    ///
    /// Neither of the two directories can be used.
    pub fn open(state_dir: &Path) -> Result<Self, Error> {
        let default = Path::new(DEFAULT_STATE_DIR);
        match create_in(default) {
            Err(error) if state_dir != default => {
                log::warn!("{error}; host ports in other state directories are not known");
                Ok(create_in(state_dir)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Returns a record in this directory, for tests.
    #[cfg(test)]
    pub(crate) fn in_directory(directory: &Path) -> Result<Self, FileError> {
        create(&directory.join("host"))
    }

    /// Opens the record, or returns `None` if there is none.
    ///
    /// A state directory other than the default one contains a record only if the default one could
    /// not be used. If that was lost, the next call that changes rules makes it again, and not two
    /// records of one host.
    ///
    /// # Errors
    ///
    /// It can't be used.
    pub fn open_existing(state_dir: &Path) -> Result<Option<Self>, Error> {
        Self::open_existing_with(state_dir, None)
    }

    /// Does the same, with the state directory if that is open already: it may be the same one.
    ///
    /// # Errors
    ///
    /// As [`HostRecord::open_existing`].
    pub fn open_existing_with(
        state_dir: &Path,
        state: Option<&State>,
    ) -> Result<Option<Self>, Error> {
        for directory in [Path::new(DEFAULT_STATE_DIR), state_dir] {
            let path = directory_in(directory);
            let is_default = directory == Path::new(DEFAULT_STATE_DIR);
            let open = match state.filter(|state| state.path() == path) {
                Some(state) => Ok(Some(state.directory()?.clone())),
                None => PrivateDir::open_existing(&path),
            };
            match open {
                Ok(Some(_)) if !is_default && !path.join(LOCK).exists() => {}
                Ok(Some(directory)) => return Ok(Some(Self { directory, is_new: false })),
                Ok(None) => {}
                // Then it is in the state directory, if there is one.
                Err(error) if directory != state_dir && PrivateDir::is_refusal(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Reports whether it was missing, so that nothing is known.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Opens the lock file, which contains the id of the process that last took the lock.
    ///
    /// # Errors
    ///
    /// It can't be opened.
    pub(crate) fn lock_file(&self) -> Result<(File, PathBuf), Error> {
        match self.directory.lock_file(LOCK) {
            // The directory has been removed since it was opened.
            Err(error) if error.source.kind() == ErrorKind::NotFound => self.new_lock_file(),
            file => Ok((file?, self.path().join(LOCK))),
        }
    }

    /// Opens the file that is the lock now, after the one that was opened before was removed.
    ///
    /// # Errors
    ///
    /// As [`HostRecord::lock_file`].
    pub(crate) fn new_lock_file(&self) -> Result<(File, PathBuf), Error> {
        let directory = PrivateDir::open(self.path())?;
        Ok((directory.lock_file(LOCK)?, self.path().join(LOCK)))
    }
}

fn create_in(directory: &Path) -> Result<HostRecord, FileError> {
    let path = directory_in(directory);
    if path != directory {
        PrivateDir::open(directory)?;
    }
    create(&path)
}

fn create(path: &Path) -> Result<HostRecord, FileError> {
    match PrivateDir::open_existing(path)? {
        Some(directory) => Ok(HostRecord { directory, is_new: false }),
        None => Ok(HostRecord { directory: PrivateDir::open(path)?, is_new: true }),
    }
}

/// Returns the directory of the record: the given one, or a directory in it if this process is in
/// another network namespace than the first process that it sees.
fn directory_in(directory: &Path) -> PathBuf {
    let namespace = |process: &str| {
        let path = format!("/proc/{process}/ns/net");
        rustix::fs::stat(path).ok().map(|stat| stat.st_ino)
    };
    match (namespace("self"), namespace("1")) {
        (Some(own), Some(first)) if own != first => directory.join(format!("host-{own}")),
        _ => directory.to_owned(),
    }
}
