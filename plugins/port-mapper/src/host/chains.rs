//! Who made the chains that contain rules of the iptables backends.
//!
//! The record of this host has it in one file, so that a DEL knows whether a chain is to be deleted
//! with its last rule, or belongs to another program. The file exists as long as there are such
//! chains.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::rc::Rc;
use std::{fs, io};

use cni_wrapper::{Attachment, FileError, PrivateDir};
use rustix::io::Errno;

use super::ports::PortIndex;
use super::record::HostRecord;
use crate::backend::{ChainNote, ChainOrigin, ChainRecord};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::error::Error;
use crate::owner::RuleTag;
use crate::ownership::Recorded;
use crate::records::claims_in;

/// Without the extension of a claim: the record may be in a state directory.
const FILE: &str = "chains";

/// The notes of each backend.
type Notes = BTreeMap<BackendKind, Vec<ChainNote>>;

/// Returns the record of the chains of a backend.
pub fn of(host: &HostRecord, kind: BackendKind) -> Rc<dyn ChainRecord> {
    Rc::new(File { host: host.clone(), kind })
}

/// Removes the notes of a claim's chain: its backend's rules no longer exist. It keeps those that
/// other claims need.
///
/// # Errors
///
/// The file can't be read or written.
pub fn forget(host: &HostRecord, claim: &Claim) -> Result<(), Error> {
    let record = of(host, claim.backend);
    let mut notes = record.read()?;
    let before = notes.len();
    notes.retain(|note| note.chain != claim.chain);
    if notes.len() == before || record.is_claimed(&claim.chain, Some(&claim.owner)) {
        return Ok(());
    }
    record.write(&notes)
}

/// Removes what a call has left behind that was killed while it was writing. The caller holds the
/// lock.
pub fn tidy(host: &HostRecord) {
    // The next call that writes replaces it, so a failure does no harm.
    let _ = fs::remove_file(host.path().join(format!(".{FILE}")));
}

/// The file, for one backend.
#[derive(Debug)]
struct File {
    host: HostRecord,
    kind: BackendKind,
}

impl ChainRecord for File {
    fn read(&self) -> Result<Vec<ChainNote>, Error> {
        Ok(self.of_kind(&read(&self.host)?))
    }

    fn write(&self, notes: &[ChainNote]) -> Result<(), Error> {
        let mut all = read(&self.host)?;
        let before = self.of_kind(&all);
        warn_of_use(notes.iter().filter(|note| !before.contains(note)));
        all.insert(self.kind, notes.to_vec());
        for unknown in all.get_mut(&BackendKind::Iptables).into_iter().filter(|_| self.is_variant())
        {
            unknown.retain(|note| notes.iter().any(|other| is_same_chain(note, other)));
        }
        all.retain(|_, notes| !notes.is_empty());
        let directory = PrivateDir::open(self.host.path())?;
        if all.is_empty() {
            return Ok(directory.remove(FILE)?);
        }
        let text = serde_json::to_vec(&all).map_err(|error| failed(&self.host, error.into()))?;
        Ok(directory.replace(FILE, &text)?)
    }

    fn is_claimed(&self, chain: &str, except: Option<&Attachment>) -> bool {
        let except = except.map(RuleTag::tag);
        let uses_chain = |Recorded { claim, is_committed, .. }: &Recorded| {
            *is_committed
                && (claim.backend == self.kind
                    || (claim.backend == BackendKind::Iptables && self.is_variant()))
                && claim.chain == chain
                && except.as_ref() != Some(&claim.owner.tag())
        };
        let files = PortIndex::new(&self.host).all_files().unwrap_or_default();
        // What can't be read claims nothing: then a chain rather counts as another program's.
        files.iter().any(|file| claims_in(file).is_ok_and(|claims| claims.iter().any(uses_chain)))
    }
}

impl File {
    /// Returns the notes of this backend. For a variant of iptables they include those of an
    /// unknown variant, which may be this one.
    fn of_kind(&self, all: &Notes) -> Vec<ChainNote> {
        let mut notes = all.get(&self.kind).cloned().unwrap_or_default();
        let unknown = all.get(&BackendKind::Iptables).filter(|_| self.is_variant());
        for note in unknown.into_iter().flatten() {
            if !notes.iter().any(|known| is_same_chain(known, note)) {
                notes.push(note.clone());
            }
        }
        notes
    }

    fn is_variant(&self) -> bool {
        matches!(self.kind, BackendKind::IptablesNft | BackendKind::IptablesLegacy)
    }
}

fn is_same_chain(one: &ChainNote, other: &ChainNote) -> bool {
    (one.family, &one.chain) == (other.family, &other.chain)
}

/// Warns of the chains among `new` that another program made, once for both families.
fn warn_of_use<'a>(new: impl Iterator<Item = &'a ChainNote>) {
    let mut found = BTreeMap::<&str, Vec<String>>::new();
    for note in new.filter(|note| matches!(note.origin, ChainOrigin::Found { .. })) {
        found.entry(&note.chain).or_default().push(note.family.to_string());
    }
    for (chain, families) in found {
        log::warn!(
            "the chain {chain} exists already ({}): the program that created it may flush it, and \
             then host ports are not mapped; configure a chain of another name",
            families.join(" and ")
        );
    }
}

/// Reads the file. One that is damaged, or no file, holds no notes: the next that is written
/// replaces it. One that can't be read just now may hold those of other chains.
fn read(host: &HostRecord) -> Result<Notes, FileError> {
    let text = match fs::read(host.path().join(FILE)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Notes::new()),
        Err(error) if is_no_file(&error) => return Ok(damaged(host, error)),
        Err(error) => return Err(failed(host, error)),
    };
    Ok(serde_json::from_slice(&text).unwrap_or_else(|error| damaged(host, error.into())))
}

/// Reports whether something else has the name of the file or of a directory above it.
fn is_no_file(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::ISDIR | Errno::NOTDIR | Errno::LOOP))
}

fn damaged(host: &HostRecord, error: io::Error) -> Notes {
    log::warn!("{}", failed(host, error));
    Notes::new()
}

fn failed(host: &HostRecord, source: io::Error) -> FileError {
    FileError { action: "use", path: host.path().join(FILE), source }
}
