//! One run at a time decides what the rules are to be: a lock on a file in the state directory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use async_std::task;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::Error;
use crate::state::State;

/// Held until it is dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, and waits for it at most so long.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] (code 11), which names the process that holds it; or the file can't be used.
    pub async fn take(state: &State, patience: Duration) -> Result<Self, Error> {
        let (file, path) = state.lock_file()?;
        match take_flock(&file, patience).await {
            Ok(true) => {
                sign(&file);
                Ok(Self { _file: file })
            }
            Ok(false) => Err(Error::Locked { path, holder: signature(&file), waited: patience }),
            Err(source) => Err(Error::State { action: "lock", path, source }),
        }
    }
}

/// The first pause between two attempts; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Locks the file; false when it is held by another for all that time. The thread is not blocked.
pub(crate) async fn take_flock(file: &File, patience: Duration) -> io::Result<bool> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(left) = patience.checked_sub(started.elapsed()) else { return Ok(false) };
        task::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
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
    use std::path::PathBuf;

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
