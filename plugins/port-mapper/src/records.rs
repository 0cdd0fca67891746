//! All that is recorded about attachments: the claims in a state directory, and the record of this
//! host, which knows those of other state directories, too.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cni_wrapper::{Attachment, FileError};

use crate::claim::Claim;
use crate::error::Error;
use crate::host::localhost;
use crate::host::ports::PortIndex;
use crate::host::record::HostRecord;
use crate::owner::RuleTag;
use crate::ownership::Recorded;
use crate::state::State;

/// The records that a call uses. What changes them requires the [lock](crate::lock).
#[derive(Debug)]
pub struct Records {
    /// The claims in the configured state directory.
    pub state: State,
    /// The record of this host.
    pub host: HostRecord,
    /// The index of host ports.
    ports: PortIndex,
    /// Whether something of these was missing before, so that the absence of a claim proves
    /// nothing.
    pub are_new: bool,
}

impl Records {
    /// Opens the records, and creates what is missing.
    ///
    /// # Errors
    ///
    /// A directory can't be used.
    pub fn open(state_dir: &Path) -> Result<Self, Error> {
        Self::open_with(state_dir, None)
    }

    /// Does the same, with the state directory if that is open already.
    ///
    /// # Errors
    ///
    /// As [`Records::open`].
    pub fn open_with(state_dir: &Path, state: Option<State>) -> Result<Self, Error> {
        let state = match state {
            None => State::open_existing(state_dir)?,
            state => state,
        };
        let is_new = state.is_none();
        // First, since it may be the same directory.
        let host = match HostRecord::open_existing_with(state_dir, state.as_ref())? {
            Some(host) => host,
            None => {
                // Before it exists: what other calls enable from then on is recorded by them.
                let enabled = localhost::enabled()?;
                let host = HostRecord::open(state_dir)?;
                // Another call that has created it meanwhile marks them itself, and may have
                // enabled some since.
                if host.is_new() {
                    localhost::mark_unknown(&host, &enabled)?;
                }
                host
            }
        };
        let state = match state {
            None => State::open(state_dir)?,
            Some(state) => state,
        };
        let ports = PortIndex::new(&host);
        let are_new = is_new || host.is_new();
        Ok(Self { state, host, ports, are_new })
    }

    /// Takes over what was stored without the record of this host: by an earlier version, or before
    /// the record was lost. Call it once the lock is held.
    ///
    /// # Errors
    ///
    /// Claims can't be read, or the record can't be written.
    pub fn complete(&self) -> Result<(), Error> {
        localhost::adopt(&self.host, &self.state)?;
        if self.ports.includes(self.state.path()) {
            return Ok(());
        }
        let mut is_used = false;
        for claim in self.state.list_all()?.into_iter().filter(Claim::has_any) {
            self.ports.add(&claim, &self.file_of(&claim.owner))?;
            is_used = true;
        }
        // The last step: a killed call leaves all to the next one.
        if is_used { self.ports.include(self.state.path()) } else { Ok(()) }
    }

    /// Returns the claims that have one of the host ports which `claim` wants, of all state
    /// directories, except those of its own attachment.
    ///
    /// # Errors
    ///
    /// The index or a claim can't be read.
    pub fn others(&self, claim: &Claim) -> Result<Vec<Recorded>, Error> {
        self.others_in(claim, &self.ports.files_of(&claim.all_mappings())?)
    }

    /// Does the same, and removes from the index what leads to files that no longer exist. That
    /// requires the lock: an ADD that is running has entered its claim before it writes the file.
    ///
    /// # Errors
    ///
    /// The index or a claim can't be read, or the index can't be changed.
    pub fn others_and_tidy(&self, claim: &Claim) -> Result<Vec<Recorded>, Error> {
        let mut files = BTreeSet::new();
        for file in self.ports.files_of(&claim.all_mappings())? {
            if is_gone(&file)? {
                self.ports.remove_unknown(&file)?;
            } else {
                files.insert(file);
            }
        }
        self.others_in(claim, &files)
    }

    fn others_in(&self, claim: &Claim, files: &BTreeSet<PathBuf>) -> Result<Vec<Recorded>, Error> {
        let own = self.file_of(&claim.owner);
        let mut others = Vec::new();
        for file in files.iter().filter(|file| **file != own) {
            others.extend(claims_in(file)?);
        }
        others.retain(|other| other.claim.owner.tag() != claim.owner.tag());
        Ok(others)
    }

    /// Returns the records with another state directory in which claims of an attachment are
    /// stored, if there is one: the configuration may have changed since its ADD.
    ///
    /// # Errors
    ///
    /// The index can't be read.
    pub fn elsewhere(&self, owner: &Attachment) -> Result<Option<Self>, Error> {
        let own = self.file_of(owner);
        let is_elsewhere = |file: &&PathBuf| **file != own && file.file_name() == own.file_name();
        match self.ports.all_files()?.iter().find(is_elsewhere).and_then(|file| file.parent()) {
            Some(directory) if directory.exists() => self.of_directory(directory).map(Some),
            _ => Ok(None),
        }
    }

    /// Stores a claim as prepared, before its rules are created; `before` is the committed one.
    ///
    /// # Errors
    ///
    /// It can't be written, and nothing of it is left.
    pub fn prepare(&self, claim: &Claim, before: Option<&Claim>) -> Result<(), Error> {
        let indexed = self.ports.add(claim, &self.file_of(&claim.owner));
        // All others have been entered.
        let indexed = indexed.and_then(|()| self.ports.include(self.state.path()));
        indexed.and_then(|()| self.state.prepare(claim)).inspect_err(|_| {
            // The first error is what the caller needs to know.
            let _ = self.discard(claim, before);
        })
    }

    /// Discards a prepared claim that can't be applied; `before` is the committed one.
    ///
    /// # Errors
    ///
    /// A file can't be removed.
    pub fn discard(&self, claim: &Claim, before: Option<&Claim>) -> Result<(), Error> {
        let file = self.file_of(&claim.owner);
        self.state.discard_prepared(&claim.owner)?;
        match before {
            Some(before) => self.ports.replace(claim, before, &file),
            None => self.ports.remove(claim, &file),
        }
    }

    /// Commits the prepared claim; `before` is the one that it replaces.
    ///
    /// # Errors
    ///
    /// The file can't be renamed.
    pub fn commit(&self, claim: &Claim, before: Option<&Claim>) -> Result<(), Error> {
        self.state.commit(&claim.owner)?;
        match before {
            Some(before) => self.ports.replace(before, claim, &self.file_of(&claim.owner)),
            None => Ok(()),
        }
    }

    /// Removes the claims of an attachment, as far as they are known.
    ///
    /// # Errors
    ///
    /// A file can't be removed.
    pub fn remove(&self, owner: &Attachment, known: &[Claim]) -> Result<(), Error> {
        self.state.remove(owner)?;
        let file = self.file_of(owner);
        match known {
            [] => self.ports.remove_unknown(&file),
            known => known.iter().try_for_each(|claim| self.ports.remove(claim, &file)),
        }
    }

    /// Returns the same records with the claims of another state directory.
    ///
    /// # Errors
    ///
    /// The directory can't be used.
    pub fn of_directory(&self, state_dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            state: State::open(state_dir)?,
            host: self.host.clone(),
            ports: self.ports.clone(),
            are_new: self.are_new,
        })
    }

    fn file_of(&self, owner: &Attachment) -> PathBuf {
        self.state.path().join(State::file_name(owner))
    }
}

/// Returns the claims in a file of any state directory, the committed and the prepared one. Damaged
/// ones are skipped.
pub(crate) fn claims_in(file: &Path) -> Result<Vec<Recorded>, Error> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else {
        return Ok(Vec::new());
    };
    let Some(state) = State::open_existing(directory)? else {
        let why = format!(
            "it is not there, at least in this mount namespace, and container {} with this host \
             port is stored in it; if it was lost, create it again with `mkdir -m 700`",
            name.to_string_lossy().split('~').next().unwrap_or_default()
        );
        let source = io::Error::new(ErrorKind::NotFound, why);
        return Err(FileError { action: "open", path: directory.to_owned(), source }.into());
    };
    let [committed, prepared] = state.read_file(&name.to_string_lossy())?;
    let recorded = |claim: Option<Claim>, is_committed| {
        let (liveness, state_dir) = (claim.as_ref()?.liveness(), directory.to_owned());
        Some(Recorded { claim: claim?, liveness, is_committed, state_dir })
    };
    Ok([recorded(committed, true), recorded(prepared, false)].into_iter().flatten().collect())
}

/// Reports whether there is no claim in a file any more, neither committed nor prepared. In a
/// directory that can't be seen from here there may be one.
fn is_gone(file: &Path) -> Result<bool, Error> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name()) else { return Ok(true) };
    let prepared = file.with_file_name(format!(".{}", name.to_string_lossy()));
    let exists = |path: &Path| match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => {
            Err(Error::from(FileError { action: "read", path: path.to_owned(), source }))
        }
        Ok(_) => Ok(true),
    };
    Ok(exists(directory)? && !exists(file)? && !exists(&prepared)?)
}
