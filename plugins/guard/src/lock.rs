//! Locks that the kernel frees when their holder ends, in whatever way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use async_std::task;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Between two looks at locks that others hold: short at first, then longer, so that a crowd does not keep the host busy.
const PAUSES: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(64)];

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Held {
    /// Takes whichever of these locks is free first; `None` when none was until then. It looks at least once.
    pub(crate) async fn first(mut files: Vec<File>, until: Instant) -> io::Result<Option<Self>> {
        let mut pause = PAUSES[0];
        loop {
            if let Some(index) = first_free(&files)? {
                return Ok(Some(Self(files.swap_remove(index))));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            task::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0).min(left)).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Writes who holds it, for the message of those who wait in vain. The lock holds without it.
    pub(crate) fn sign(&self, holder: &str) {
        let _ = self.0.set_len(0).and_then(|()| self.0.write_all_at(holder.as_bytes(), 0));
    }
}

/// Begins anywhere, so that not all who wait look at the same lock.
fn first_free(files: &[File]) -> io::Result<Option<usize>> {
    let begin = fastrand::usize(..files.len());
    for index in (begin..files.len()).chain(0..begin) {
        match flock(&files[index], FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(index)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing would not do: a daemon that a delegate left behind has the file open, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
