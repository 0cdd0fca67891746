//! Waits for what a killed call of the same attachment left running.
//!
//! The kernel kills a delegate together with its plugin, but not what the delegate has started:
//! host-local would allocate its address after the DEL, for example. So ADD and DEL hold a lock on
//! a file of the attachment that all their descendants inherit, and the next call of the attachment
//! waits for it.
//!
//! - A call that ends by itself releases the lock for all descendants and removes the file. A
//!   daemon that a delegate started on purpose is therefore not waited for.
//! - What does not end in time is reported and forgotten: the file is removed, so that only one
//!   call waits for it.
//! - A call that still runs is not waited for. It holds a record lock, which the kernel releases
//!   when the process ends and which is not inherited.
//! - Without a directory for the file, calls go on as if nothing was left running.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, fcntl_lock, flock};

use crate::call::Call;
use crate::error::FileError;
use crate::kit::file_lock::{Queued, try_acquire};
use crate::kit::file_stem::file_stem;
use crate::kit::private_dir::PrivateDir;

use super::last_result::{self, remove_empty, twice};

/// How long a call waits for what a killed one left running.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a rollback waits for what a delegate left running that was killed itself.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often to open a file whose directory another call has removed.
const ATTEMPTS: u32 = 100;
/// The end of the names of the files.
const SUFFIX: &str = ".running";

/// A call that executes delegates, as long as it is not dropped.
pub(super) struct Running {
    /// The locked file, which descendants inherit.
    file: Option<File>,
    directory: PrivateDir,
    name: String,
    /// Whether a record stays in the directory, which therefore is not empty.
    is_needed: Cell<bool>,
}

impl Running {
    /// Waits until what a killed call of the attachment left running has ended.
    ///
    /// Returns `None` if there are no delegates, another call of the attachment runs, or the file
    /// can't be used.
    pub(super) async fn begin(call: &Call) -> Option<Self> {
        if call.delegates().is_empty() {
            return None;
        }
        let mut time = TIMEOUT;
        if let Some(deadline) = call.deadline() {
            time = time.min(deadline.saturating_duration_since(Instant::now()) / 2);
        }
        Self::after_others(call, time).await
    }

    /// Returns the plugin's directory of what it remembers, which is open.
    pub(super) fn directory(&self) -> &PrivateDir {
        &self.directory
    }

    /// Has the directory stay when the call ends, since there is a record in it.
    pub(super) fn keep_directory(&self) {
        self.is_needed.set(true);
    }

    /// Waits for what a delegate left running that was killed, unlike this process.
    pub(super) async fn after_killed_delegate(mut self, call: &Call) -> Option<Self> {
        // Closed and not released: from here on only descendants hold the lock.
        drop(self.file.take());
        Self::after_others(call, ROLLBACK_TIMEOUT).await
    }

    async fn after_others(call: &Call, time: Duration) -> Option<Self> {
        Self::try_after_others(call, time).await.unwrap_or_else(|error| {
            log::debug!("a call after this one can't wait for what it leaves running: {error}");
            remove_empty(&last_result::directory(call));
            None
        })
    }

    async fn try_after_others(call: &Call, time: Duration) -> Result<Option<Self>, FileError> {
        let deadline = Instant::now() + time;
        let name = file_stem(&call.attachment) + SUFFIX;
        loop {
            let (directory, file) = open(&last_result::directory(call), &name)?;
            let acquired = acquire(&file, deadline).await.map_err(|source| {
                // Without locks, as on some network file systems, the file is of no use.
                let _ = directory.remove(&name);
                FileError { action: "lock", path: directory.path().join(&name), source }
            })?;
            match acquired {
                // A call that ended in the meantime has removed the file.
                Acquired::Lock if !is_linked(&file) => {}
                Acquired::Lock => {
                    let is_needed = Cell::default();
                    return Ok(Some(Self { file: Some(file), directory, name, is_needed }));
                }
                Acquired::Runs => return Ok(None),
                Acquired::Timeout => {
                    log::warn!(
                        "programs that a killed call of this attachment has started still run \
                         after {time:?}; what they change from now on may stay"
                    );
                    directory.remove(&name)?;
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        // Before it is released. A file that stays is removed by the next call.
        if let Err(error) = twice(|| self.directory.remove(&self.name)) {
            log::debug!("{error}");
        }
        if !self.is_needed.get() {
            remove_empty(self.directory.path());
        }
        // Closing it is not enough: a daemon may have inherited it.
        let _ = flock(file, FlockOperation::Unlock);
    }
}

/// Removes the files of killed calls after which no DEL was sent.
pub(super) fn collect(call: &Call) {
    let Ok(Some(directory)) = PrivateDir::open_existing(&last_result::directory(call)) else {
        return;
    };
    let names = directory.names().unwrap_or_default();
    for name in names.iter().filter(|name| name.ends_with(SUFFIX)) {
        let file = directory.lock_file(name);
        if file.is_ok_and(|file| try_acquire(&file).unwrap_or(false))
            && let Err(error) = directory.remove(name)
        {
            log::debug!("{error}");
        }
    }
    remove_empty(directory.path());
}

/// Opens the file. Another call may remove the empty directory at any time.
fn open(path: &Path, name: &str) -> Result<(PrivateDir, File), FileError> {
    let mut attempts = 0;
    loop {
        match try_open(path, name) {
            Err(error) if error.source.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS => {
                attempts += 1;
            }
            opened => return opened,
        }
    }
}

fn try_open(path: &Path, name: &str) -> Result<(PrivateDir, File), FileError> {
    let directory = PrivateDir::open(path)?;
    let file = directory.lock_file(name)?;
    Ok((directory, file))
}

enum Acquired {
    Lock,
    /// Another call of the attachment holds the lock, and is not killed.
    Runs,
    Timeout,
}

async fn acquire(file: &File, deadline: Instant) -> io::Result<Acquired> {
    if !try_acquire(file)? {
        if !mark(file) {
            return Ok(Acquired::Runs);
        }
        let queued = Queued::start(file.try_clone()?)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !queued.acquired_within(left).await? && !queued.leave()? {
            return Ok(Acquired::Timeout);
        }
    }
    // Also after a wait: the thread that waited has closed the file, and with it the record lock.
    mark(file);
    Ok(Acquired::Lock)
}

/// Takes the record lock, which shows that this process lives. Returns false if another has it.
fn mark(file: &File) -> bool {
    fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

fn is_linked(file: &File) -> bool {
    rustix::fs::fstat(file).is_ok_and(|stat| stat.st_nlink > 0)
}
