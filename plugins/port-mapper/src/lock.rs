//! One run at a time decides what the rules are to be: a lock on a file in the state directory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

use async_std::future;
use cni_wrapper::FileError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::Error;
use crate::state::State;

/// A lock that is not held yet. Helpers that are started from here on share it: should we be killed, it is held until they have ended, too.
#[derive(Debug)]
pub struct Unlocked {
    file: File,
    path: PathBuf,
}

impl Unlocked {
    /// Opens the file of the lock.
    ///
    /// # Errors
    ///
    /// It can't be opened.
    pub fn open(state: &State) -> Result<Self, Error> {
        let (file, path) = state.lock_file()?;
        Ok(Self { file, path })
    }

    /// Takes the lock, and waits for it at most so long.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] (code 11), which names the process that holds it; or the file can't be used.
    pub async fn lock(self, patience: Duration) -> Result<Lock, Error> {
        let Self { file, path } = self;
        match take_flock(&file, patience).await {
            Ok(true) => {
                sign(&file);
                Ok(Lock { file })
            }
            Ok(false) => Err(Error::Locked { path, holder: signature(&file), waited: patience }),
            Err(source) => Err(FileError { action: "lock", path, source }.into()),
        }
    }
}

/// Held until it is dropped. When the process ends in another way it is held until its helpers have ended, too.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Opens the file and takes the lock.
    ///
    /// # Errors
    ///
    /// As [`Unlocked::open`] and [`Unlocked::lock`].
    pub async fn take(state: &State, patience: Duration) -> Result<Self, Error> {
        Unlocked::open(state)?.lock(patience).await
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do: helpers that wait in vain have the file open, too.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Locks the file; false when it is held by another for all that time.
pub(crate) async fn take_flock(file: &File, patience: Duration) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => wait_for_flock(file.try_clone()?, patience).await,
        taken => Ok(taken.map(|()| true)?),
    }
}

/// Waits in a thread of its own: so the next in the queue goes on at the very moment when the lock is free.
async fn wait_for_flock(file: File, patience: Duration) -> io::Result<bool> {
    let (told, taken) = async_std::channel::bounded(1);
    std::thread::Builder::new().spawn(move || {
        let taken = rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive));
        if told.try_send(taken).is_err() {
            // Nobody waits any more: and so nobody would give it back.
            let _ = flock(&file, FlockOperation::Unlock);
        }
    })?;
    match future::timeout(patience, taken.recv()).await {
        Ok(Ok(taken)) => Ok(taken.map(|()| true)?),
        // The thread ends only with an answer.
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}

/// Writes our process id, for the message of those who wait in vain. The lock holds without it.
fn sign(file: &File) {
    let id = format!("{}\n", std::process::id());
    let _ = file.set_len(0).and_then(|()| file.write_all_at(id.as_bytes(), 0));
}

fn signature(file: &File) -> Option<u32> {
    let mut text = [0; 16];
    let length = file.read_at(&mut text, 0).ok()?;
    std::str::from_utf8(&text[..length]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use async_std::task;

    use super::*;

    fn state(name: &str) -> (State, PathBuf) {
        let path =
            std::env::temp_dir().join(format!("port-mapper-lock-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        (State::open(&path).unwrap(), path)
    }

    #[test]
    fn a_second_run_waits_its_time_and_then_names_the_first() {
        let (state, path) = state("held");
        task::block_on(async {
            let held = Lock::take(&state, Duration::ZERO).await.unwrap();
            let started = Instant::now();
            let refused = Lock::take(&state, Duration::from_millis(60)).await.unwrap_err();
            assert!(started.elapsed() >= Duration::from_millis(60));
            assert_eq!(refused.code(), 11);
            let id = format!("by process {}", std::process::id());
            assert!(refused.to_string().contains(&id), "{refused}");
            drop(held);
            Lock::take(&state, Duration::ZERO).await.unwrap();
        });
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn it_is_free_when_it_is_dropped_though_a_helper_that_was_started_before_lives_on() {
        let (state, path) = state("shared");
        task::block_on(async {
            let unlocked = Unlocked::open(&state).unwrap();
            let mut helper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            let held = unlocked.lock(Duration::ZERO).await.unwrap();
            assert!(Lock::take(&state, Duration::ZERO).await.is_err());
            drop(held);
            let again = Lock::take(&state, Duration::ZERO).await;
            helper.kill().unwrap();
            helper.wait().unwrap();
            again.unwrap();
        });
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_second_run_gets_the_lock_when_the_first_lets_go() {
        let (state, path) = state("freed");
        task::block_on(async {
            let held = Lock::take(&state, Duration::ZERO).await.unwrap();
            task::spawn(async move {
                task::sleep(Duration::from_millis(30)).await;
                drop(held);
            });
            Lock::take(&state, Duration::from_secs(5)).await.unwrap();
        });
        std::fs::remove_dir_all(path).unwrap();
    }
}
