//! Locks of this process on files that are opened anew each time, which is what another process would do.

use std::path::PathBuf;
use std::process::{Child, Command};

use super::*;

/// A directory of the test's own, gone with it.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("file-lock-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> File {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        options.open(self.0.join(name)).unwrap()
    }

    fn files(&self) -> Vec<File> {
        ["a", "b", "c"].map(|name| self.file(name)).into()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A program that has our file open, for longer than anybody waits here.
struct Helper(Child);

impl Helper {
    fn with(file: &File) -> Self {
        let sleep = Command::new("sleep").arg("60").stdin(file.try_clone().unwrap()).spawn();
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

fn much_later() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[test]
fn who_waits_in_vain_waits_the_whole_time_and_learns_who_holds_it() {
    let place = Place::new("vain");
    task::block_on(async {
        let held = FileLock::take(place.file("a"), soon()).await.unwrap().unwrap();
        assert_eq!(FileLock::holder(&place.file("a")), None);
        held.sign("somebody with a long name");
        held.sign("me");
        let until = soon();
        assert!(FileLock::take(place.file("a"), until).await.unwrap().is_none());
        assert!(Instant::now() >= until);
        assert_eq!(FileLock::holder(&place.file("a")).as_deref(), Some("me"));
    });
}

#[test]
fn who_waits_goes_on_when_the_lock_is_free() {
    let place = Place::new("freed");
    task::block_on(async {
        let held = FileLock::take(place.file("a"), soon()).await.unwrap().unwrap();
        let waits = task::spawn(FileLock::take(place.file("a"), much_later()));
        task::sleep(Duration::from_millis(30)).await;
        drop(held);
        assert!(waits.await.unwrap().is_some());
    });
}

#[test]
fn who_waited_in_vain_does_not_take_it_later() {
    let place = Place::new("late");
    task::block_on(async {
        let held = FileLock::take(place.file("a"), soon()).await.unwrap().unwrap();
        let file = place.file("a");
        // It would hold the lock for as long as it lives.
        let _helper = Helper::with(&file);
        assert!(FileLock::take(file, soon()).await.unwrap().is_none());
        drop(held);
        // Whoever is quick gets it before the one who gave up; so time and again.
        for _ in 0..10 {
            assert!(FileLock::take(place.file("a"), much_later()).await.unwrap().is_some());
            task::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn it_is_free_when_it_is_dropped_though_a_child_has_the_file_open() {
    let place = Place::new("child");
    task::block_on(async {
        let file = place.file("a");
        let _helper = Helper::with(&file);
        let held = FileLock::take(file, soon()).await.unwrap().unwrap();
        assert!(FileLock::take(place.file("a"), Instant::now()).await.unwrap().is_none());
        drop(held);
        assert!(FileLock::take(place.file("a"), Instant::now()).await.unwrap().is_some());
    });
}

#[test]
fn a_number_of_files_is_a_number_of_slots() {
    let place = Place::new("slots");
    task::block_on(async {
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(FileLock::first(place.files(), Instant::now()).await.unwrap().unwrap());
        }
        let until = soon();
        assert!(FileLock::first(place.files(), until).await.unwrap().is_none());
        assert!(Instant::now() >= until);
        let waits = task::spawn(FileLock::first(place.files(), much_later()));
        held.swap_remove(1);
        assert!(waits.await.unwrap().is_some());
    });
}
