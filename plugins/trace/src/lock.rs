//! Files that several processes write, one at a time.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Whoever holds a lock is done in a millisecond; one that hangs holds nobody up for longer than this.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// Locks the file until it is closed; false when another process does not let go of it.
pub(crate) async fn lock(file: &File) -> io::Result<bool> {
    let begun = Instant::now();
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) if begun.elapsed() > PATIENCE => return Ok(false),
            Err(Errno::WOULDBLOCK) => async_std::task::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
}
