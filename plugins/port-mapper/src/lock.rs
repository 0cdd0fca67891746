//! The lock of this host: one instance at a time changes rules, whichever state directory it uses.

use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cni_wrapper::{FileError, FileLock, Patience};
use rustix::fs::{fstat, stat};

use crate::error::Error;
use crate::host::record::HostRecord;

/// The lock file, opened and not yet locked.
///
/// Child processes that are started after opening it inherit it. If the plugin is killed, the lock
/// is therefore held until they have ended, too.
#[derive(Debug)]
pub struct Unlocked {
    host: HostRecord,
    file: File,
    path: PathBuf,
}

impl Unlocked {
    /// Opens the lock file.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub fn open(host: &HostRecord) -> Result<Self, Error> {
        let (file, path) = host.lock_file()?;
        Ok(Self { host: host.clone(), file, path })
    }

    /// Takes the lock. If it is held, waits while it changes hands: until one process has held it
    /// for `timeout`, and no longer than [`QUEUE_TIMEOUT`].
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] (code 11) with the process that holds the lock; or the file cannot be
    /// used.
    pub async fn lock(self, timeout: Duration) -> Result<Arc<FileLock>, Error> {
        let Self { host, mut file, path } = self;
        loop {
            let inode = fstat(&file).map(|stat| stat.st_ino);
            match FileLock::acquire_in_turn(file, patience(timeout)).await {
                Ok(Ok(lock)) if inode == stat(&path).map(|stat| stat.st_ino) => {
                    let lock = Arc::new(lock);
                    HELD.set(Arc::downgrade(&lock));
                    return Ok(lock);
                }
                // The file was removed while this process waited: others use a new one.
                Ok(Ok(_)) => (file, _) = host.new_lock_file()?,
                Ok(Err(held)) => return Err(Error::Locked { path, held }),
                Err(source) => return Err(FileError { action: "lock", path, source }.into()),
            }
        }
    }
}

thread_local! {
    /// The lock that this process took last, as long as it holds it. All of a call runs on one
    /// thread.
    static HELD: RefCell<Weak<FileLock>> = const { RefCell::new(Weak::new()) };
}

/// Lets those who wait for the lock know that this process, if it holds it, is not stuck, but waits
/// in a queue that moves on.
pub fn report_progress() {
    let held = HELD.with_borrow(Weak::upgrade);
    if let Some(Err(error)) = held.map(|held| held.renew_turn()) {
        log::debug!("others may take this process for stuck: {error}");
    }
}

/// How long a call waits in a queue in which every holder is quick. No runtime waits that long.
pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(600);

/// Returns how long to wait for a lock that one process may hold for `timeout`.
pub fn patience(timeout: Duration) -> Patience {
    Patience { holder: timeout, queue: QUEUE_TIMEOUT.max(timeout) }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use async_std::task;
    use cni_test_kit::TempDir;

    use super::*;

    async fn take(host: &HostRecord, timeout: Duration) -> Result<Arc<FileLock>, Error> {
        Unlocked::open(host)?.lock(timeout).await
    }

    fn host() -> (HostRecord, TempDir) {
        let directory = TempDir::new();
        (HostRecord::in_directory(directory.path()).unwrap(), directory)
    }

    #[test]
    fn a_lock_whose_file_was_removed_meanwhile_is_taken_at_the_new_one() {
        let (host, _directory) = host();
        task::block_on(async {
            let late = Unlocked::open(&host).unwrap();
            std::fs::remove_file(host.path().join("lock")).unwrap();
            let first = take(&host, Duration::ZERO).await.unwrap();
            assert_eq!(late.lock(Duration::ZERO).await.unwrap_err().code(), 11);
            drop(first);
        });
    }

    #[test]
    fn progress_is_reported_while_the_lock_is_held_and_not_for_its_next_holder() {
        let (host, _directory) = host();
        let record = || std::fs::read_to_string(host.path().join("lock")).unwrap();
        task::block_on(async {
            let held = take(&host, Duration::ZERO).await.unwrap();
            let taken = record();
            report_progress();
            assert_ne!(record(), taken, "the turn is renewed");
            drop(held);
            // As another process takes it: this one does not know of it.
            let (file, _) = host.lock_file().unwrap();
            let next = FileLock::acquire_in_turn(file, patience(Duration::ZERO)).await;
            let (next, taken) = (next.unwrap().unwrap(), record());
            report_progress();
            assert_eq!(record(), taken, "the record is that of the next holder");
            drop(next);
        });
    }

    #[test]
    fn a_second_instance_waits_until_its_timeout_and_then_names_the_first() {
        let (host, _directory) = host();
        task::block_on(async {
            let held = take(&host, Duration::ZERO).await.unwrap();
            let started = Instant::now();
            let refused = take(&host, Duration::from_millis(60)).await.unwrap_err();
            assert!(started.elapsed() >= Duration::from_millis(60));
            assert_eq!(refused.code(), 11);
            let id = format!("by process {}", std::process::id());
            assert!(refused.to_string().contains(&id), "{refused}");
            drop(held);
            // The second one's thread may get the lock before it notices that its time is over.
            take(&host, Duration::from_secs(120)).await.unwrap();
        });
    }

    #[test]
    fn dropping_the_lock_releases_it_although_a_child_still_has_the_file_open() {
        let (host, _directory) = host();
        task::block_on(async {
            let unlocked = Unlocked::open(&host).unwrap();
            let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
            let held = unlocked.lock(Duration::ZERO).await.unwrap();
            assert!(take(&host, Duration::ZERO).await.is_err());
            drop(held);
            let again = take(&host, Duration::ZERO).await;
            child.kill().unwrap();
            child.wait().unwrap();
            again.unwrap();
        });
    }

    #[test]
    fn a_second_instance_gets_the_lock_when_the_first_releases_it() {
        let (host, _directory) = host();
        task::block_on(async {
            let held = take(&host, Duration::ZERO).await.unwrap();
            let second = Unlocked::open(&host).unwrap();
            let waiting = task::spawn(second.lock(Duration::from_secs(120)));
            // How the kernel shows a thread of this process that waits for a lock.
            let waits = format!(" -> FLOCK  ADVISORY  WRITE {} ", std::process::id());
            let end = Instant::now() + Duration::from_secs(120);
            while !std::fs::read_to_string("/proc/locks").unwrap().contains(&waits) {
                assert!(Instant::now() < end, "no thread is waiting");
                task::sleep(Duration::from_millis(2)).await;
            }
            drop(held);
            waiting.await.unwrap();
        });
    }
}
