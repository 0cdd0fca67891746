//! Locks on files that many processes write to.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use cni_wrapper::FileLock;

/// How long a call waits for a lock. Others hold it for about a millisecond; a process that hangs
/// while it holds the lock must not block the call for longer.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Waits for the lock on a file. Returns `None` after a second.
///
/// # Errors
///
/// The file system does not support locks.
pub(crate) async fn lock(file: File) -> io::Result<Option<FileLock>> {
    FileLock::acquire(file, Instant::now() + TIMEOUT).await
}
