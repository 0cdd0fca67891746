//! Locks on files that many processes write to.
//!
//! Each process holds them for about a millisecond. One that hangs while it holds a lock, or a
//! script that locks the recording, must not hold up every call of the host: a call waits for all
//! of its locks together for no more than a second, and for a holder that does nothing for less.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use cni_wrapper::{FileLock, Patience, StillHeld};

/// How long a call waits for the lock on a file to which it can append without the lock, too.
const TO_APPEND: Duration = Duration::from_millis(200);

/// How long a call waits for the lock without which it can't replace a file.
const TO_REPLACE: Patience =
    Patience { holder: Duration::from_millis(250), queue: Duration::from_millis(600) };

/// Waits for the lock on a file that is appended to. Returns `None` if it is still held.
///
/// # Errors
///
/// The file system does not support locks.
pub(crate) async fn to_append(file: File) -> io::Result<Option<FileLock>> {
    FileLock::acquire(file, Instant::now() + TO_APPEND).await
}

/// Waits for the lock on a file that is replaced, as long as it changes hands. `file` is only
/// locked: its content is the record of who has the lock.
///
/// # Errors
///
/// The file system does not support locks.
pub(crate) async fn to_replace(file: File) -> io::Result<Result<FileLock, StillHeld>> {
    FileLock::acquire_in_turn(file, TO_REPLACE).await
}
