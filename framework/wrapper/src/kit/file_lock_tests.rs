//! Each lock opens its file again, as another process would.

use async_std::task;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command};

use cni_test_kit::TempDir;

use super::*;

fn open(place: &TempDir, name: &str) -> File {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    options.open(place.path().join(name)).unwrap()
}

async fn one_of_three(place: &TempDir, deadline: Instant) -> io::Result<Option<FileLock>> {
    let open = |number: usize| Ok(open(place, ["a", "b", "c"][number]));
    FileLock::acquire_any(3, open, deadline).await
}

/// A child that inherited our open file and outlives every test.
struct Helper(Child);

impl Helper {
    fn with(file: &File) -> Self {
        let sleep = Command::new("sleep").arg("3600").stdin(file.try_clone().unwrap()).spawn();
        Self(sleep.unwrap())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(60)
}

/// Returns a deadline that only a hanging test reaches.
fn at_last() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

/// Reports whether a thread waits for the lock in the kernel's queue: its line in `/proc/locks` has
/// an arrow.
fn is_awaited(file: &File) -> bool {
    let inode = format!(":{} ", file.metadata().unwrap().ino());
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&inode))
}

async fn until_awaited(file: &File, awaited: bool) {
    let end = at_last();
    while is_awaited(file) != awaited {
        assert!(Instant::now() < end, "the lock's queue does not become {awaited}");
        task::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn an_unsuccessful_waiter_waits_the_whole_time_and_can_read_the_holder() {
    let place = TempDir::new();
    task::block_on(async {
        let held = FileLock::acquire(open(&place, "a"), soon()).await.unwrap().unwrap();
        assert_eq!(FileLock::holder(&open(&place, "a")), None);
        held.set_holder("a holder with a long name");
        held.set_holder("this one");
        let until = soon();
        assert!(FileLock::acquire(open(&place, "a"), until).await.unwrap().is_none());
        assert!(Instant::now() >= until);
        assert_eq!(FileLock::holder(&open(&place, "a")).as_deref(), Some("this one"));
    });
}

#[test]
fn a_waiter_goes_on_as_soon_as_the_lock_is_released() {
    let place = TempDir::new();
    task::block_on(async {
        let held = FileLock::acquire(open(&place, "a"), soon()).await.unwrap().unwrap();
        let waits = task::spawn(FileLock::acquire(open(&place, "a"), at_last()));
        until_awaited(&open(&place, "a"), true).await;
        drop(held);
        assert!(waits.await.unwrap().is_some());
    });
}

#[test]
fn a_waiter_that_gave_up_does_not_keep_the_lock_later() {
    let place = TempDir::new();
    task::block_on(async {
        let held = FileLock::acquire(open(&place, "a"), soon()).await.unwrap().unwrap();
        let file = open(&place, "a");
        // It keeps the lock for as long as it runs, unless the lock is released explicitly.
        let _helper = Helper::with(&file);
        assert!(FileLock::acquire(file, soon()).await.unwrap().is_none());
        until_awaited(&open(&place, "a"), true).await;
        drop(held);
        until_awaited(&open(&place, "a"), false).await;
        // The waiter that gave up may get it after any of these, and must release it.
        for _ in 0..10 {
            assert!(FileLock::acquire(open(&place, "a"), at_last()).await.unwrap().is_some());
            task::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn dropping_releases_it_even_if_a_child_has_the_file_open() {
    let place = TempDir::new();
    task::block_on(async {
        let file = open(&place, "a");
        let _helper = Helper::with(&file);
        let held = FileLock::acquire(file, soon()).await.unwrap().unwrap();
        assert!(FileLock::acquire(open(&place, "a"), Instant::now()).await.unwrap().is_none());
        drop(held);
        assert!(FileLock::acquire(open(&place, "a"), Instant::now()).await.unwrap().is_some());
    });
}

#[test]
fn a_number_of_files_is_a_number_of_slots() {
    let place = TempDir::new();
    task::block_on(async {
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(one_of_three(&place, Instant::now()).await.unwrap().unwrap());
        }
        let until = soon();
        assert!(one_of_three(&place, until).await.unwrap().is_none());
        assert!(Instant::now() >= until);
        let wait = std::thread::scope(|scope| {
            let waits = scope.spawn(|| task::block_on(one_of_three(&place, at_last())));
            held.swap_remove(1);
            waits.join().unwrap()
        });
        assert!(wait.unwrap().is_some());
    });
}
