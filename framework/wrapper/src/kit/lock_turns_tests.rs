//! Decisions at given times, and real locks. Each lock opens its file again, as another process
//! would.

use std::path::Path;
use std::thread;

use async_std::task::block_on;
use cni_test_kit::TempDir;

use super::*;

/// Long enough for every test.
const QUEUE: Duration = Duration::from_secs(120);
const HOLDER: Duration = Duration::from_millis(200);

fn open(path: &Path) -> File {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn acquire(path: &Path, patience: Patience) -> Result<FileLock, StillHeld> {
    block_on(FileLock::acquire_in_turn(open(path), patience)).unwrap()
}

#[test]
fn a_waiter_goes_on_while_each_of_many_holders_is_quick_however_long_the_queue_is() {
    let place = TempDir::new();
    let path = &place.path().join("lock");
    let patience = Patience { holder: HOLDER, queue: QUEUE };
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let lock = acquire(path, patience).expect("every waiter gets its turn");
                thread::sleep(HOLDER / 5);
                drop(lock);
            });
        }
    });
    assert!(started.elapsed() > HOLDER * 5, "the queue was longer than a holder may take");
}

#[test]
fn a_holder_that_keeps_the_lock_is_reported_with_its_process_and_its_time() {
    let place = TempDir::new();
    let path = &place.path().join("lock");
    let _held = acquire(path, Patience { holder: HOLDER, queue: QUEUE }).unwrap();
    let started = Instant::now();
    let refused = acquire(path, Patience { holder: HOLDER, queue: QUEUE }).unwrap_err();
    assert!(started.elapsed() >= HOLDER);
    assert_eq!((refused.process, refused.changes), (Some(std::process::id()), 0));
    assert!(refused.held >= HOLDER && refused.waited >= HOLDER, "{refused:?}");
    let now = acquire(path, Patience { holder: Duration::ZERO, queue: QUEUE });
    assert!(now.is_err(), "without patience it does not wait");
}

#[test]
fn a_holder_that_reports_its_progress_may_keep_the_lock() {
    let place = TempDir::new();
    let path = &place.path().join("lock");
    let patience = Patience { holder: HOLDER, queue: QUEUE };
    let held = acquire(path, patience).unwrap();
    let started = Instant::now();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| acquire(path, patience).map(drop));
        while started.elapsed() < HOLDER * 3 {
            held.renew_turn().unwrap();
            thread::sleep(Duration::from_millis(2));
        }
        assert!(!waiting.is_finished());
        drop(held);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_queue_that_takes_too_long_is_reported_with_the_number_of_its_holders() {
    let place = TempDir::new();
    let path = &place.path().join("lock");
    // Others take the lock one after the other, until the waiter has given up.
    let (file, mut number) = (open(path), 0);
    let patience = Patience { holder: QUEUE, queue: HOLDER };
    let _held = acquire(path, patience).unwrap();
    let waiting = thread::spawn({
        let path = path.clone();
        move || acquire(&path, patience).map(drop)
    });
    while !waiting.is_finished() {
        number += 1;
        Turn { process: Some(number), number: number.into() }.write(&file).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    let refused = waiting.join().unwrap().unwrap_err();
    assert!(refused.waited >= HOLDER && refused.changes > 1, "{refused:?}");
}

#[test]
fn a_gap_in_which_the_waiter_was_stopped_is_not_held_against_the_holder() {
    let (start, minute) = (Instant::now(), Duration::from_secs(60));
    let patience = Patience { holder: Duration::from_secs(4), queue: minute * 10 };
    let mut watch = HolderWatch::new(patience, start, 1);
    watch.see(start + minute, 1);
    assert!(!watch.is_over(), "the waiter was suspended for a minute");
    for second in 1..=4 {
        watch.see(start + minute + Duration::from_secs(second), 1);
    }
    assert!(watch.is_over(), "the holder is stuck");
    assert_eq!(watch.held(), minute + Duration::from_secs(4));
    watch.see(start + minute * 2, 2);
    assert!(!watch.is_over() && watch.changes() == 1, "it was not");
    watch.see(start + minute * 11, 3);
    assert!(watch.is_over(), "the queue takes too long");
}

#[test]
fn the_record_of_an_earlier_version_is_read_and_replaced_as_a_whole() {
    let place = TempDir::new();
    let path = &place.path().join("lock");
    std::fs::write(path, "4711\n").unwrap();
    assert_eq!(Turn::read(&open(path)), Turn { process: Some(4711), number: 0 });
    let last = Turn { process: Some(u32::MAX), number: u64::MAX };
    last.write(&open(path)).unwrap();
    assert_eq!((Turn::read(&open(path)), last.next().number), (last, 0));
    drop(acquire(path, Patience { holder: HOLDER, queue: QUEUE }).unwrap());
    assert_eq!(Turn::read(&open(path)).process, Some(std::process::id()));
}

#[test]
fn the_text_names_the_holder_and_its_time_and_the_length_of_the_queue() {
    let seconds = Duration::from_secs_f64;
    let (held, waited) = (seconds(7.3), seconds(5.0));
    let mut refused = StillHeld { process: Some(4711), held, waited, changes: 0 };
    let text = "by process 4711, which has held the lock for 7.3s, after 5.0s";
    assert_eq!(refused.to_string(), text);
    refused.changes = 120;
    assert_eq!(refused.to_string(), format!("{text} in which it changed hands 120 times"));
    refused.process = None;
    assert!(refused.to_string().starts_with("by another process, which"), "{refused}");
}
