//! One run at a time decides what the rules are to be: a lock on a file in the state directory.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cni_wrapper::{FileError, FileLock};

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
    pub async fn lock(self, patience: Duration) -> Result<FileLock, Error> {
        let Self { file, path } = self;
        match take(&file, patience).await {
            Ok(Some(lock)) => {
                lock.set_holder(&format!("{}\n", std::process::id()));
                Ok(lock)
            }
            Ok(None) => Err(Error::Locked { path, holder: holder(&file), waited: patience }),
            Err(source) => Err(FileError { action: "lock", path, source }.into()),
        }
    }
}

async fn take(file: &File, patience: Duration) -> io::Result<Option<FileLock>> {
    FileLock::acquire(file.try_clone()?, Instant::now() + patience).await
}

/// The process that signed.
fn holder(file: &File) -> Option<u32> {
    FileLock::holder(file)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use async_std::task;
    use cni_test_kit::TemporaryDir;

    use super::*;

    async fn take(state: &State, patience: Duration) -> Result<FileLock, Error> {
        Unlocked::open(state)?.lock(patience).await
    }

    fn state() -> (State, TemporaryDir) {
        let directory = TemporaryDir::new();
        (State::open(&directory.path().join("state")).unwrap(), directory)
    }

    #[test]
    fn a_second_run_waits_its_time_and_then_names_the_first() {
        let (state, _directory) = state();
        task::block_on(async {
            let held = take(&state, Duration::ZERO).await.unwrap();
            let started = Instant::now();
            let refused = take(&state, Duration::from_millis(60)).await.unwrap_err();
            assert!(started.elapsed() >= Duration::from_millis(60));
            assert_eq!(refused.code(), 11);
            let id = format!("by process {}", std::process::id());
            assert!(refused.to_string().contains(&id), "{refused}");
            drop(held);
            take(&state, Duration::ZERO).await.unwrap();
        });
    }

    #[test]
    fn it_is_free_when_it_is_dropped_though_a_helper_that_was_started_before_lives_on() {
        let (state, _directory) = state();
        task::block_on(async {
            let unlocked = Unlocked::open(&state).unwrap();
            let mut helper = std::process::Command::new("sleep").arg("600").spawn().unwrap();
            let held = unlocked.lock(Duration::ZERO).await.unwrap();
            assert!(take(&state, Duration::ZERO).await.is_err());
            drop(held);
            let again = take(&state, Duration::ZERO).await;
            helper.kill().unwrap();
            helper.wait().unwrap();
            again.unwrap();
        });
    }

    #[test]
    fn a_second_run_gets_the_lock_when_the_first_lets_go() {
        let (state, _directory) = state();
        task::block_on(async {
            let held = take(&state, Duration::ZERO).await.unwrap();
            let second = Unlocked::open(&state).unwrap();
            let waiting = task::spawn(second.lock(Duration::from_secs(120)));
            // A thread of this process waits for a lock on a file.
            let waits = format!(" -> FLOCK  ADVISORY  WRITE {} ", std::process::id());
            let end = Instant::now() + Duration::from_secs(120);
            while !std::fs::read_to_string("/proc/locks").unwrap().contains(&waits) {
                assert!(Instant::now() < end, "nobody waits");
                task::sleep(Duration::from_millis(2)).await;
            }
            drop(held);
            waiting.await.unwrap();
        });
    }
}
