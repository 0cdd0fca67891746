//! Locks that the kernel releases when their holder ends, even when it is killed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use async_io::Timer;
use async_std::{channel, future};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

/// The most that is read of a holder's name, in bytes.
const HOLDER: usize = 1024;

/// The shortest and the longest pause between two attempts at several locks. It doubles each time,
/// so that many waiting processes do not keep the host busy.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(64)];

/// A lock on a file, which one process of the host holds at a time. Dropping it releases it.
///
/// The kernel releases it when the process is killed, but not before each child that inherited the
/// open file has ended. Open the file close-on-exec if a delegate that outlives its plugin must not
/// keep the lock.
///
/// ```
/// use std::{fs::File, time::{Duration, Instant}};
/// use cni_wrapper::FileLock;
///
/// # let temporary = cni_test_kit::TempDir::new();
/// # let path = temporary.path().join("lock");
/// # cni_wrapper::block_on(async {
/// let soon = Instant::now() + Duration::from_millis(20);
/// let held = FileLock::acquire(File::create(&path)?, soon).await?.expect("it is free");
/// assert!(FileLock::acquire(File::open(&path)?, soon).await?.is_none(), "it is held");
/// drop(held);
/// assert!(FileLock::acquire(File::open(&path)?, soon).await?.is_some());
/// # Ok::<(), std::io::Error>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Acquires the lock. Returns `None` if it is still held at `deadline`.
    ///
    /// It tries at least once, even after the deadline. Waiting calls are in the kernel's queue, so
    /// they continue as soon as the lock is released.
    ///
    /// # Errors
    ///
    /// The file system does not support locks, or the thread that waits can't be started.
    pub async fn acquire(file: File, deadline: Instant) -> io::Result<Option<Self>> {
        if try_acquire(&file)? {
            return Ok(Some(Self(file)));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let queued = Queued::start(file.try_clone()?)?;
        let is_acquired = queued.acquired_within(left).await? || queued.leave()?;
        Ok(is_acquired.then_some(Self(file)))
    }

    /// Returns the lock on a file that is locked.
    pub(super) fn of(file: File) -> Self {
        Self(file)
    }

    /// Returns the locked file.
    pub(super) fn file(&self) -> &File {
        &self.0
    }

    /// Acquires whichever of `count` locks is free first.
    ///
    /// Returns `None` if all of them are held at `deadline`. A number of files is thus a number of
    /// slots. There is no queue: it polls, and begins at a random one, so that not all waiting
    /// processes try the same lock first. `open` returns the file with a number below `count`; only
    /// one is open at a time, so that there can be more of them than a process may open.
    ///
    /// # Errors
    ///
    /// A file can't be opened, or its file system does not support locks.
    pub async fn acquire_any(
        count: usize,
        open: impl Fn(usize) -> io::Result<File>,
        deadline: Instant,
    ) -> io::Result<Option<Self>> {
        let mut pause = PAUSES[0];
        loop {
            let started = Instant::now();
            let begin = fastrand::usize(..count.max(1));
            for number in (begin..count).chain(0..begin) {
                let file = open(number)?;
                if try_acquire(&file)? {
                    return Ok(Some(Self(file)));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // To try thousands takes a while, which must not keep the host busy either.
            let pause_now = pause.max(started.elapsed() * 4);
            Timer::after(pause_now.mul_f64(0.5 + fastrand::f64() / 2.0).min(left)).await;
            pause = (pause * 2).min(PAUSES[1]);
        }
    }

    /// Replaces the file's content by the name of the holder, for the messages of those who wait. A
    /// failure is ignored, because the lock is held all the same.
    pub fn set_holder(&self, holder: &str) {
        let _ = self.0.set_len(0).and_then(|()| self.0.write_all_at(holder.as_bytes(), 0));
    }

    /// Returns what the last holder [wrote](Self::set_holder), at most 1024 bytes, or `None` if
    /// that is nothing.
    pub fn holder(file: &File) -> Option<String> {
        let mut bytes = [0; HOLDER];
        let length = file.read_at(&mut bytes, 0).ok()?;
        let text = String::from_utf8_lossy(&bytes[..length]);
        (!text.is_empty()).then(|| text.into_owned())
    }
}

/// Tries to acquire the lock, without waiting.
pub(crate) fn try_acquire(file: &File) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A place in the kernel's queue for a lock, which a thread keeps.
pub(crate) struct Queued {
    acquired: channel::Receiver<rustix::io::Result<()>>,
}

impl Queued {
    pub(crate) fn start(file: File) -> io::Result<Self> {
        let (sender, acquired) = channel::bounded(1);
        std::thread::Builder::new().spawn(move || {
            let outcome = retry_on_intr(|| flock(&file, FlockOperation::LockExclusive));
            if sender.try_send(outcome).is_err() {
                // The caller has given up, so it would not release the lock.
                let _ = flock(&file, FlockOperation::Unlock);
            }
        })?;
        Ok(Self { acquired })
    }

    /// Returns whether the lock is acquired before the time is over. The place is kept otherwise.
    pub(crate) async fn acquired_within(&self, time: Duration) -> io::Result<bool> {
        match future::timeout(time, self.acquired.recv()).await {
            Ok(Ok(outcome)) => Ok(outcome.map(|()| true)?),
            _ => Ok(false),
        }
    }

    /// Gives the place up: from here on the thread releases the lock. Returns whether the lock was
    /// acquired just before.
    pub(crate) fn leave(self) -> io::Result<bool> {
        self.acquired.close();
        match self.acquired.try_recv() {
            Ok(outcome) => Ok(outcome.map(|()| true)?),
            Err(_) => Ok(false),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing is not enough: a daemon that a delegate left running may have inherited the file.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}

#[cfg(test)]
#[path = "file_lock_tests.rs"]
mod tests;
