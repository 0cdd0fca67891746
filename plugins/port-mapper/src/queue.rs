//! The ADDs that wait for a host port: first come, first served.
//!
//! Each has a file in the record of this host, named by its turn, with the mappings it waits for
//! and the time until which it waits. The file is locked as long as its process lives, so that a
//! killed one is not waited for. One that lives, but does not go on when its time is over, was
//! stopped: those behind it are served, and from then on it comes after them.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_wrapper::{Attachment, FileError};
use rustix::fs::{FlockOperation, flock, fstat};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::claim::Claim;
use crate::conflict::{Conflict, Evidence, HostPorts, MappingIndex};
use crate::error::Error;
use crate::family::Family;
use crate::files::names_in;
use crate::host::record::HostRecord;
use crate::moment::Moment;
use crate::owner::Owner;

const WAITING: &str = "waiting";
/// The file of a place that is being entered.
const NEW: &str = ".new";
/// How long after its time an ADD may still take the lock for its last attempt. On a busy host the
/// lock changes hands many times before.
const MARGIN: Duration = Duration::from_millis(500);

/// The queue of this host. What changes it requires the [lock](crate::lock).
#[derive(Debug)]
pub struct Queue(PathBuf);

/// An ADD that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// When it began to wait.
    pub since: Moment,
    /// When it will give up.
    pub until: Moment,
    /// Its claim, with the mappings whose host ports it waits for.
    pub claim: Claim,
}

impl Waiting {
    /// Reports whether its time is over, so that others are served first.
    pub fn is_over(&self, now: Moment) -> bool {
        now > self.until.after(MARGIN)
    }
}

/// A place in the queue, which is left when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    place: Place,
    /// Holds the lock on the file.
    open: File,
}

/// A turn, and the ADD that has it.
#[derive(Debug)]
struct Place {
    file: PathBuf,
    turn: u64,
    waiting: Waiting,
}

impl Place {
    /// Reports whether it is served before another, or before an ADD that has no place yet.
    fn is_before(&self, other: Option<&Self>, now: Moment) -> bool {
        let is_behind = |other: &Self| self.turn > other.turn && !other.waiting.is_over(now);
        let is_same = |other: &Self| self.turn == other.turn;
        !self.waiting.is_over(now) && !other.is_some_and(|other| is_same(other) || is_behind(other))
    }
}

impl Queue {
    /// Returns the queue of this host.
    pub fn new(record: &HostRecord) -> Self {
        Self(record.path().join(WAITING))
    }

    /// Enters the queue at its end.
    ///
    /// # Errors
    ///
    /// A file can't be written.
    pub fn enter(
        &self,
        claim: &Claim,
        [since, until]: [Moment; 2],
        conflicts: &[Conflict],
    ) -> Result<Ticket, Error> {
        self.files_without_abandoned();
        let claim = Claim { mappings: Vec::new(), standby: Vec::new(), ..claim.clone() };
        let mut waiting = Waiting { since, until, claim };
        waiting.extend(conflicts);
        // A turn is never used again: who leaves removes the file of its turn without the lock.
        let next = self.turns().last().map_or(0, |last| last + 1);
        let turn = next.max(Moment::now().as_nanos());
        let place = Place { file: self.0.join(turn.to_string()), turn, waiting };
        let open = place.write()?;
        Ok(Ticket { place, open })
    }

    /// Returns the host ports of a claim for which others are served first. `own` is the caller's
    /// place.
    pub fn ahead(&self, own: Option<&Ticket>, claim: &Claim) -> Vec<Conflict> {
        let (now, own) = (Moment::now(), own.map(|own| &own.place));
        let others =
            self.turns().into_iter().filter(|turn| own.is_none_or(|own| own.turn != *turn));
        let ahead = self.places(others).filter(|place| place.is_before(own, now));
        ahead.filter_map(|place| conflict(claim, &place.waiting.claim)).collect()
    }

    /// Returns all that wait, in the order of their turns.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting> {
        self.places(self.turns().into_iter()).map(|place| place.waiting)
    }

    /// Ends the wait of an attachment's ADD, whose container is being deleted.
    pub fn cancel(&self, owner: &Attachment) {
        for file in self.files_without_abandoned() {
            // Emptied first: a file that is only missing was lost together with the record.
            if owner_in(&file).is_some_and(|waiting| waiting == *owner) && empty(&file).is_ok() {
                leave(&file);
            }
        }
    }

    /// Removes what killed processes left, and returns the other files.
    fn files_without_abandoned(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for file in self.files() {
            match lock_shared(&file) {
                Some((_, true)) => leave(&file),
                Some((_, false)) => files.push(file),
                None => {}
            }
        }
        files
    }

    fn places(&self, turns: impl Iterator<Item = u64>) -> impl Iterator<Item = Place> {
        turns.filter_map(|turn| {
            let file = self.0.join(turn.to_string());
            let (open, is_abandoned) = lock_shared(&file)?;
            let waiting = if is_abandoned { None } else { read(open) };
            Some(Place { file, turn, waiting: waiting? })
        })
    }

    /// Returns the turns of all in the queue, in order.
    fn turns(&self) -> Vec<u64> {
        let names = names_in(&self.0).unwrap_or_default();
        let turns = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        let mut turns: Vec<u64> = turns.collect();
        turns.sort_unstable();
        turns
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        fs::read_dir(&self.0).into_iter().flatten().flatten().map(|entry| entry.path())
    }
}

impl Waiting {
    fn extend(&mut self, conflicts: &[Conflict]) {
        for Conflict { mapping, .. } in conflicts {
            if !self.claim.mappings.contains(mapping) {
                self.claim.mappings.push(*mapping);
            }
        }
    }
}

impl Ticket {
    /// Reports whether a DEL has [ended](Queue::cancel) the wait. A file that was lost together
    /// with the record of this host still has its content.
    pub fn is_cancelled(&self) -> bool {
        fstat(&self.open).is_ok_and(|stat| stat.st_size == 0)
    }

    fn is_lost(&self) -> bool {
        fstat(&self.open).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Adds the host ports of these conflicts to those that are waited for, and takes the same
    /// place again if it was lost together with the record of this host.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    pub fn extend(&mut self, conflicts: &[Conflict]) -> Result<(), Error> {
        let known = self.place.waiting.claim.mappings.len();
        self.place.waiting.extend(conflicts);
        if self.place.waiting.claim.mappings.len() > known || self.is_lost() {
            self.open = self.place.write()?;
        }
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        leave(&self.place.file);
    }
}

impl Place {
    /// Writes the file, locked and complete from the beginning: others read it without the lock of
    /// this host.
    fn write(&self) -> Result<File, Error> {
        let failed = |source| FileError { action: "write", path: self.file.clone(), source };
        let new = self.file.with_file_name(NEW);
        let write = || -> io::Result<File> {
            let open = create(&new)?;
            flock(&open, FlockOperation::NonBlockingLockExclusive)?;
            (&open).write_all(&serde_json::to_vec(&self.waiting)?)?;
            fs::rename(&new, &self.file)?;
            Ok(open)
        };
        Ok(write().map_err(failed)?)
    }
}

/// Creates a file, and its directory if that is missing.
fn create(file: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    loop {
        match options.open(file) {
            // The last one who left the queue may just have removed the directory.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened,
        }
        let directory = file.parent().unwrap_or(file);
        match fs::DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
}

fn leave(file: &Path) {
    let _ = fs::remove_file(file);
    // Fails as long as others wait.
    let _ = file.parent().map(fs::remove_dir);
}

/// Opens a file of the queue, and reports whether its process was killed. Those who only look share
/// the lock, so that none takes another for the process that waits.
fn lock_shared(file: &Path) -> Option<(File, bool)> {
    let open = File::open(file).ok()?;
    let is_abandoned = flock(&open, FlockOperation::NonBlockingLockShared).is_ok();
    Some((open, is_abandoned))
}

/// Reads a file of the queue.
fn read<T: DeserializeOwned>(mut open: File) -> Option<T> {
    let mut text = Vec::new();
    open.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Returns the attachment whose ADD has a place. Nothing else of its claim is read.
fn owner_in(file: &Path) -> Option<Attachment> {
    #[derive(Deserialize)]
    struct Place {
        claim: Owned,
    }
    #[derive(Deserialize)]
    struct Owned {
        owner: Attachment,
    }
    read(File::open(file).ok()?).map(|place: Place| place.claim.owner)
}

fn empty(file: &Path) -> io::Result<()> {
    File::options().write(true).open(file)?.set_len(0)
}

fn conflict(claim: &Claim, waiting: &Claim) -> Option<Conflict> {
    if waiting.is_companion_of(claim) {
        return None;
    }
    let has_both =
        |family: &Family| claim.address(*family).is_some() && waiting.address(*family).is_some();
    let families = Family::ALL.into_iter().filter(has_both);
    let indices: Vec<_> =
        families.map(|family| MappingIndex::new(&claim.mappings, family)).collect();
    let ports = waiting.mappings.iter().map(HostPorts::of);
    ports.into_iter().find_map(|ports| {
        let mapping = indices.iter().find_map(|index| index.overlap(&ports))?;
        let (owner, evidence) = (Owner::from(&waiting.owner), Evidence::Waiting);
        Some(Conflict { mapping, ports, owner, evidence })
    })
}

#[cfg(test)]
mod tests {
    use cni_test_kit::TempDir;
    use serde_json::json;

    use super::*;
    use crate::config::{Config, Settings};

    fn claim() -> Claim {
        let config: Config = serde_json::from_value(json!({})).unwrap();
        let owner = Attachment::new("n", "c", "eth0");
        let settings = Settings::from(&config).unwrap();
        Claim::new(owner, String::new(), Vec::new(), &settings).unwrap()
    }

    fn place(turn: u64, until: Moment) -> Place {
        let waiting = Waiting { since: until, until, claim: claim() };
        Place { file: PathBuf::new(), turn, waiting }
    }

    #[test]
    fn only_a_del_of_the_attachment_ends_a_wait_and_a_place_that_was_lost_is_taken_again() {
        let directory = TempDir::new();
        let host = HostRecord::in_directory(directory.path()).unwrap();
        let queue = Queue::new(&host);
        let period = [Moment::now(), Moment::now().after(Duration::from_secs(600))];
        let mut ticket = queue.enter(&claim(), period, &[]).unwrap();
        fs::remove_dir_all(host.path()).unwrap();
        assert!(!ticket.is_cancelled(), "the record was lost");
        fs::create_dir(host.path()).unwrap();
        ticket.extend(&[]).unwrap();
        let turns: Vec<u64> = queue.turns();
        assert_eq!(turns, [ticket.place.turn], "the same place");

        queue.cancel(&Attachment::new("n", "other", "eth0"));
        assert!(!ticket.is_cancelled() && queue.waiting().count() == 1);
        queue.cancel(&claim().owner);
        assert!(ticket.is_cancelled() && queue.waiting().count() == 0);
    }

    #[test]
    fn who_came_first_is_served_first_until_its_time_is_over() {
        let start = Moment::now();
        let at = |seconds| start.after(Duration::from_secs(seconds));
        let [first, second] = [place(1, at(5)), place(2, at(10))];
        assert!(first.is_before(Some(&second), at(4)) && !second.is_before(Some(&first), at(4)));
        assert!(!first.is_before(Some(&first), at(4)), "it does not wait for itself");
        assert!(first.is_before(None, at(4)) && second.is_before(None, at(4)));
        // The margin is for the last attempt of the first.
        assert!(first.is_before(Some(&second), at(5)) && !second.is_before(Some(&first), at(5)));
        assert!(!first.is_before(Some(&second), at(6)) && second.is_before(Some(&first), at(6)));
        assert!(!first.is_before(None, at(6)) && second.is_before(None, at(6)));
        assert!(!second.is_before(Some(&first), at(11)) && !first.is_before(None, at(11)));
    }
}
