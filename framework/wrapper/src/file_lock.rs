//! Locks that the kernel frees when their holder ends, in whatever way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use async_std::task;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Between two looks at locks that others hold: short at first, then longer, so that a crowd does not keep the host busy.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(64)];

/// A lock on a file, which several processes of one host take one at a time; it is held until it is dropped.
///
/// The kernel frees it when the process is killed. A child that has the file open holds it for as long: open it close-on-exec where a
/// delegate that outlives its plugin must not keep all others out.
///
/// ```
/// use std::{fs::File, time::{Duration, Instant}};
/// use cni_wrapper::FileLock;
///
/// # let path = std::env::temp_dir().join(format!("lock-{}", std::process::id()));
/// # cni_wrapper::command(async {
/// let soon = Instant::now() + Duration::from_millis(20);
/// let held = FileLock::take(File::create(&path)?, soon).await?.expect("nobody else has it");
/// assert!(FileLock::take(File::open(&path)?, soon).await?.is_none(), "held until now");
/// drop(held);
/// assert!(FileLock::take(File::open(&path)?, soon).await?.is_some());
/// # std::fs::remove_file(&path)
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock; `None` when it was not free until then. It looks at least once.
    ///
    /// # Errors
    ///
    /// The file's system knows no locks.
    pub async fn take(file: File, until: Instant) -> io::Result<Option<Self>> {
        Self::first(vec![file], until).await
    }

    /// Takes whichever of these is free first; `None` when none was until then. So a number of files is a number of slots.
    ///
    /// # Errors
    ///
    /// As [`FileLock::take`].
    pub async fn first(mut files: Vec<File>, until: Instant) -> io::Result<Option<Self>> {
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

    /// Writes who holds it into the file, in place of what it had, for the message of those who wait in vain. The lock holds without it.
    pub fn sign(&self, holder: &str) {
        let _ = self.0.set_len(0).and_then(|()| self.0.write_all_at(holder.as_bytes(), 0));
    }
}

/// Begins anywhere, so that not all who wait look at the same lock.
fn first_free(files: &[File]) -> io::Result<Option<usize>> {
    let begin = fastrand::usize(..files.len().max(1));
    for index in (begin..files.len()).chain(0..begin.min(files.len())) {
        match flock(&files[index], FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Some(index)),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing would not do: a daemon that a delegate left behind has the file open, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
