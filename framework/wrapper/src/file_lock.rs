//! Locks that the kernel frees when their holder ends, in whatever way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use async_std::{channel, future, task};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

/// The most that is read of who holds a lock.
const HOLDER: usize = 1024;

/// Between two looks at several locks that others hold: short at first, then longer, so that a crowd does not keep the host busy.
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
/// # let temporary = cni_test_kit::TempDir::new();
/// # let path = temporary.path().join("lock");
/// # cni_wrapper::command(async {
/// let soon = Instant::now() + Duration::from_millis(20);
/// let held = FileLock::take(File::create(&path)?, soon).await?.expect("nobody else has it");
/// assert!(FileLock::take(File::open(&path)?, soon).await?.is_none(), "held until now");
/// drop(held);
/// assert!(FileLock::take(File::open(&path)?, soon).await?.is_some());
/// # Ok::<(), std::io::Error>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock; `None` when it was not free until then. It looks at least once, and goes on at the very moment when the lock
    /// is free: those who wait stand in the kernel's queue.
    ///
    /// # Errors
    ///
    /// The file's system knows no locks, or no thread can be had to wait in.
    pub async fn take(file: File, until: Instant) -> io::Result<Option<Self>> {
        if is_free(&file)? {
            return Ok(Some(Self(file)));
        }
        let left = until.saturating_duration_since(Instant::now());
        let is_taken = !left.is_zero() && wait(file.try_clone()?, left).await?;
        Ok(is_taken.then_some(Self(file)))
    }

    /// Takes whichever of these is free first; `None` when none was until then. So a number of files is a number of slots. There is no
    /// queue: it looks again and again.
    ///
    /// # Errors
    ///
    /// The files' system knows no locks.
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

    /// What the last holder [wrote](Self::sign), of which no more than 1024 bytes are read; `None` when that is nothing.
    pub fn holder(file: &File) -> Option<String> {
        let mut bytes = [0; HOLDER];
        let length = file.read_at(&mut bytes, 0).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]);
        (!text.is_empty()).then(|| text.into_owned())
    }
}

/// Takes it at once, or not.
fn is_free(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits in a thread of its own; false when the time is over.
async fn wait(file: File, time: Duration) -> io::Result<bool> {
    let (told, taken) = channel::bounded(1);
    std::thread::Builder::new().spawn(move || {
        let is_taken = retry_on_intr(|| flock(&file, FlockOperation::LockExclusive));
        if told.try_send(is_taken).is_err() {
            // Nobody waits any more: and so nobody would give it back.
            let _ = flock(&file, FlockOperation::Unlock);
        }
    })?;
    let in_time = future::timeout(time, taken.recv()).await;
    // From here on the thread gives it back; what it told a moment before still holds.
    taken.close();
    match in_time.ok().and_then(Result::ok).or_else(|| taken.try_recv().ok()) {
        Some(is_taken) => Ok(is_taken.map(|()| true)?),
        None => Ok(false),
    }
}

/// Begins anywhere, so that not all who wait look at the same lock.
fn first_free(files: &[File]) -> io::Result<Option<usize>> {
    let begin = fastrand::usize(..files.len().max(1));
    for index in (begin..files.len()).chain(0..begin.min(files.len())) {
        if is_free(&files[index])? {
            return Ok(Some(index));
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

#[cfg(test)]
#[path = "file_lock_tests.rs"]
mod tests;
