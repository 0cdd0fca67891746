//! The ADDs that wait for a host port: first come, first served.
//!
//! Each has a file in the record of this host, named by its turn, with the mappings it waits for.
//! It is locked as long as its process lives, so that a killed one is not waited for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cni_wrapper::{Attachment, FileError};
use rustix::fs::{FlockOperation, flock, fstat};

use crate::claim::Claim;
use crate::conflict::{Conflict, Evidence, HostPorts, MappingIndex};
use crate::error::Error;
use crate::family::Family;
use crate::files::names_in;
use crate::host::record::HostRecord;
use crate::owner::Owner;

const WAITING: &str = "waiting";

/// The queue of this host. What changes it requires the [lock](crate::lock).
#[derive(Debug)]
pub struct Queue(PathBuf);

/// A place in the queue, which is left when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    file: PathBuf,
    turn: u64,
    /// The claim, with the mappings whose host ports it waits for.
    waiting: Claim,
    /// Holds the lock on the file.
    open: File,
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
    pub fn enter(&self, claim: &Claim, conflicts: &[Conflict]) -> Result<Ticket, Error> {
        let failed = |source| FileError { action: "write", path: self.0.clone(), source };
        let turn = self.turns().last().map_or(0, |last| last + 1);
        let file = self.0.join(turn.to_string());
        let open = self.create(&file).map_err(failed)?;
        flock(&open, FlockOperation::NonBlockingLockExclusive).map_err(|e| failed(e.into()))?;
        let waiting = Claim { mappings: Vec::new(), standby: Vec::new(), ..claim.clone() };
        let mut ticket = Ticket { file, turn, waiting, open };
        ticket.extend(conflicts)?;
        Ok(ticket)
    }

    fn create(&self, file: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        loop {
            match options.open(file) {
                // The last one who left the queue may just have removed the directory.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened,
            }
            match fs::DirBuilder::new().mode(0o700).create(&self.0) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
    }

    /// Returns the host ports of a claim for which others have waited longer. `own` is the caller's
    /// place.
    pub fn ahead(&self, own: Option<&Ticket>, claim: &Claim) -> Vec<Conflict> {
        let turns = self.turns().into_iter();
        let ahead = turns.take_while(|turn| own.is_none_or(|own| *turn < own.turn));
        ahead
            .filter_map(|turn| conflict(claim, &waiting(&self.0.join(turn.to_string()))?))
            .collect()
    }

    /// Ends the wait of an attachment's ADD, whose container is being deleted.
    pub fn cancel(&self, owner: &Attachment) {
        for turn in self.turns() {
            let file = self.0.join(turn.to_string());
            if waiting(&file).is_some_and(|waiting| waiting.owner == *owner) {
                leave(&file);
            }
        }
    }

    /// Returns the turns of all in the queue, in order.
    fn turns(&self) -> Vec<u64> {
        let names = names_in(&self.0).unwrap_or_default();
        let turns = names.iter().filter_map(|name| name.to_str()?.parse().ok());
        let mut turns: Vec<u64> = turns.collect();
        turns.sort_unstable();
        turns
    }
}

impl Ticket {
    /// Reports whether a DEL has [ended](Queue::cancel) the wait.
    pub fn is_cancelled(&self) -> bool {
        fstat(&self.open).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Adds the host ports of these conflicts to those that are waited for.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    pub fn extend(&mut self, conflicts: &[Conflict]) -> Result<(), Error> {
        let known = self.waiting.mappings.len();
        for Conflict { mapping, .. } in conflicts {
            if !self.waiting.mappings.contains(mapping) {
                self.waiting.mappings.push(*mapping);
            }
        }
        if self.waiting.mappings.len() == known {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.waiting).map_err(io::Error::from);
        let written = text.and_then(|text| {
            self.open.set_len(0)?;
            self.open.write_all_at(&text, 0)
        });
        let failed = |source| FileError { action: "write", path: self.file.clone(), source };
        Ok(written.map_err(failed)?)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        leave(&self.file);
    }
}

fn leave(file: &Path) {
    let _ = fs::remove_file(file);
    // Fails as long as others wait.
    let _ = file.parent().map(fs::remove_dir);
}

/// Reads a file of the queue, or removes it if its process was killed.
fn waiting(path: &Path) -> Option<Claim> {
    let file = File::open(path).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        leave(path);
        return None;
    }
    serde_json::from_reader(file).ok()
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
