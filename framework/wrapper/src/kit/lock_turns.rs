//! Waiting for a lock that many processes hold one after the other.
//!
//! A busy host is not an error: as long as the lock changes hands, or its holder works, a waiter
//! goes on. It gives up on a single holder that does nothing, and at last on the queue.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant, SystemTime};

use super::cpu_time::cpu_time;
use super::file_lock::{FileLock, Queued, try_acquire};

/// The shortest and the longest pause between two looks at the holder.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(500)];
/// How many times a waiter looks at the holder within the time that a holder has.
const LOOKS: u32 = 8;

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long one holder may keep the lock and do nothing while others wait for it.
    pub holder: Duration,
    /// How long the whole queue may take.
    pub queue: Duration,
}

/// What a waiter has seen of a lock's holders, and whether it goes on waiting.
///
/// `H` identifies a holder. The watch does not look itself: it is passed what was seen, and when.
/// If the waiter itself was stopped between two looks, as on a host that is overloaded or was
/// suspended, so was the holder: such a gap counts as no more than two pauses.
///
/// ```
/// use cni_wrapper::{HolderWatch, Patience};
/// use std::time::{Duration, Instant};
///
/// let (start, pause) = (Instant::now(), Duration::from_millis(500));
/// let patience = Patience { holder: pause * 8, queue: pause * 100 };
/// let mut watch = HolderWatch::new(patience, start, "first");
/// for look in 1..=12 {
///     watch.see(start + pause * look, if look < 6 { "first" } else { "second" });
///     assert!(!watch.is_over(), "the lock changed hands after 3 s");
/// }
/// watch.see(start + pause * 13, "second");
/// watch.see(start + pause * 14, "second");
/// assert!(watch.is_over(), "the second holder has kept it for 4 s");
/// ```
#[derive(Clone, Debug)]
pub struct HolderWatch<H> {
    patience: Patience,
    started: Instant,
    last_look: Instant,
    holder: H,
    since: Instant,
    /// For how long the holder has kept the lock, without gaps.
    counted: Duration,
    changes: u64,
}

impl<H: PartialEq> HolderWatch<H> {
    /// Begins to wait at `now`, when this holder is seen.
    pub fn new(patience: Patience, now: Instant, holder: H) -> Self {
        let (counted, changes) = (Duration::ZERO, 0);
        Self { patience, started: now, last_look: now, holder, since: now, counted, changes }
    }

    /// Records which holder is seen at `now`.
    pub fn see(&mut self, now: Instant, holder: H) {
        let gap = now.saturating_duration_since(self.last_look);
        self.last_look = now;
        if self.holder == holder {
            self.counted += gap.min(self.interval() * 2);
        } else {
            self.changes += 1;
            (self.holder, self.since, self.counted) = (holder, now, Duration::ZERO);
        }
    }

    /// Returns whether the waiter gives up: the holder that was seen last has kept the lock for
    /// too long, or the queue has taken too long.
    pub fn is_over(&self) -> bool {
        self.pause().is_zero()
    }

    /// Returns how long to wait until the next look at the holder; zero if the waiter gives up.
    pub fn pause(&self) -> Duration {
        let of_holder = self.patience.holder.saturating_sub(self.counted);
        let of_queue = self.patience.queue.saturating_sub(self.waited());
        self.interval().min(of_holder).min(of_queue)
    }

    /// Returns the time from the beginning of the wait to the last look.
    pub fn waited(&self) -> Duration {
        self.last_look.saturating_duration_since(self.started)
    }

    /// Returns the holder that was seen last.
    pub fn holder(&self) -> &H {
        &self.holder
    }

    /// Returns how long the holder that was seen last has been seen.
    pub fn held(&self) -> Duration {
        self.last_look.saturating_duration_since(self.since)
    }

    /// Returns how often another holder was seen than before.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn interval(&self) -> Duration {
        (self.patience.holder / LOOKS).clamp(PAUSES[0], PAUSES[1])
    }
}

/// Why a waiter did not get a lock.
///
/// Its text continues a sentence such as "the file is still locked".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillHeld {
    /// The process that holds the lock, if it has recorded itself.
    pub process: Option<u32>,
    /// How long it has held the lock.
    pub held: Duration,
    /// How long the lock was waited for.
    pub waited: Duration,
    /// How often the lock changed hands in this time.
    pub changes: u64,
}

impl fmt::Display for StillHeld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, held, waited, changes } = self;
        match process {
            Some(process) => write!(formatter, "by process {process}")?,
            None => formatter.write_str("by another process")?,
        }
        write!(formatter, ", which has held the lock for {held:.1?}, after {waited:.1?}")?;
        match changes {
            0 => Ok(()),
            1 => formatter.write_str(" in which it changed hands once"),
            changes => write!(formatter, " in which it changed hands {changes} times"),
        }
    }
}

impl FileLock {
    /// Acquires a lock that many processes hold one after the other.
    ///
    /// It waits while the lock changes hands, in the kernel's queue: first come, first served. It
    /// gives up if one holder keeps the lock for longer than `patience.holder` without using the
    /// processor, or if the queue takes longer than `patience.queue`. Each holder records itself in
    /// the file, so all of them must acquire the lock with this function.
    ///
    /// # Errors
    ///
    /// The file system does not support locks, or the thread that waits can't be started.
    pub async fn acquire_in_turn(
        file: File,
        patience: Patience,
    ) -> io::Result<Result<Self, StillHeld>> {
        let mut first = None;
        let see = || {
            let turn = Turn::read(&file);
            first.get_or_insert(turn);
            (turn, turn.cpu_time())
        };
        let acquired = wait_while_it_changes_hands(&file, patience, see).await?;
        let Some(watch) = acquired else {
            // The lock is held all the same if the record can't be written.
            let _ = Turn::read(&file).next().write(&file);
            return Ok(Ok(Self::of(file)));
        };
        let (last, _) = watch.holder();
        Ok(Err(StillHeld {
            process: last.process,
            held: watch.held().max(Turn::age(&file)),
            waited: watch.started.elapsed(),
            changes: last.number.saturating_sub(first.map_or(0, |turn| turn.number)),
        }))
    }

    /// Records that this process is not stuck: the time that it may keep the lock begins again.
    ///
    /// For a holder that itself waits in a queue that moves on. Only who holds the lock can call
    /// it, so it never replaces the record of the next holder.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    pub fn renew_turn(&self) -> io::Result<()> {
        Turn::read(self.file()).next().write(self.file())
    }

    /// Acquires a lock whose holders do not record themselves, as
    /// [`acquire_in_turn`](Self::acquire_in_turn) does; `see` returns what identifies the holder.
    ///
    /// # Errors
    ///
    /// Those of [`acquire_in_turn`](Self::acquire_in_turn).
    pub async fn acquire_watching<H: PartialEq>(
        file: File,
        patience: Patience,
        see: impl FnMut() -> H,
    ) -> io::Result<Result<Self, HolderWatch<H>>> {
        let watch = wait_while_it_changes_hands(&file, patience, see).await?;
        Ok(watch.map_or_else(|| Ok(Self::of(file)), Err))
    }
}

/// Acquires the lock, or returns what was seen until the waiter gave up.
async fn wait_while_it_changes_hands<H: PartialEq>(
    file: &File,
    patience: Patience,
    mut see: impl FnMut() -> H,
) -> io::Result<Option<HolderWatch<H>>> {
    if try_acquire(file)? {
        return Ok(None);
    }
    let mut watch = HolderWatch::new(patience, Instant::now(), see());
    if watch.is_over() {
        return Ok(Some(watch));
    }
    let queued = Queued::start(file.try_clone()?)?;
    while !watch.is_over() {
        if queued.acquired_within(watch.pause()).await? {
            return Ok(None);
        }
        watch.see(Instant::now(), see());
    }
    Ok(if queued.leave()? { None } else { Some(watch) })
}

/// What the holder of a lock records in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Turn {
    process: Option<u32>,
    number: u64,
}

/// The length of a record. It is constant, so that a new one replaces all of the previous one.
const RECORD: usize = 32;

impl Turn {
    /// Reads the record of the last holder. One of an earlier version has only the process.
    fn read(file: &File) -> Self {
        let mut bytes = [0; RECORD];
        let length = file.read_at(&mut bytes, 0).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..length]);
        let mut words = text.split_ascii_whitespace();
        let process = words.next().and_then(|word| word.parse().ok());
        Self { process, number: words.next().and_then(|word| word.parse().ok()).unwrap_or(0) }
    }

    fn next(self) -> Self {
        Self { process: Some(std::process::id()), number: self.number.wrapping_add(1) }
    }

    fn write(self, file: &File) -> io::Result<()> {
        let record = format!("{:<10} {:>20}\n", self.process.unwrap_or_default(), self.number);
        file.write_all_at(record.as_bytes(), 0)
    }

    /// Returns the processor time of the holder. A thread of this process is not asked: the waiter
    /// would find itself.
    fn cpu_time(self) -> Option<u64> {
        self.process.filter(|process| *process != std::process::id()).and_then(cpu_time)
    }

    /// Returns how long ago a record was written.
    fn age(file: &File) -> Duration {
        let written = file.metadata().and_then(|metadata| metadata.modified());
        let age = written.map(|written| SystemTime::now().duration_since(written));
        age.ok().and_then(Result::ok).unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "lock_turns_tests.rs"]
mod tests;
