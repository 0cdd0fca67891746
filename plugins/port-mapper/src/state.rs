//! The state directory: an [`AttachmentStore`] of claims, with a small file per attachment.
//!
//! Rules are removed by their tags, so DEL works without the file. The files are needed by
//! `restore` and `list`, and to decide whether the owner of a host port is still alive.
//!
//! A claim is *prepared* while its rules are being created or removed, and *committed* while they
//! exist. If an ADD or DEL is killed, the next DEL therefore knows what may be left, and `restore`
//! does not recreate it: its host ports may belong to another container by then.

use std::path::Path;

use cni_wrapper::{Attachment, AttachmentStore, PrivateDir, StoreEntry, StoreError};
use rustix::io::Errno;

use crate::claim::{Claim, VERSION};
use crate::error::Error;
use crate::owner::{Owner, RuleTag};

/// The maximum size of a file in bytes. 10,000 mappings take about one MiB.
const MAX_SIZE: usize = 16 << 20;

/// How the names of files of claims end.
const SUFFIX: &str = ".json";

/// An attachment and its claim, as the store returns them.
type Entry = Result<(Attachment, Claim), StoreError>;

/// An existing state directory.
///
/// A clone shares the open directory.
#[derive(Clone, Debug)]
pub struct State(AttachmentStore<Claim>);

impl State {
    /// Opens the directory, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// It cannot be created, is a symbolic link or not a directory, or belongs to another user.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let store = AttachmentStore::new(path);
        store.directory()?;
        Ok(Self(store))
    }

    /// Opens the directory. Returns `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        let store = AttachmentStore::new(path);
        let exists = store.existing_directory()?.is_some();
        Ok(exists.then(|| Self(store)))
    }

    /// Returns the directory, which is open.
    pub(crate) fn directory(&self) -> Result<&PrivateDir, Error> {
        Ok(self.0.directory()?)
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the name of the file of an attachment.
    pub(crate) fn file_name(attachment: &Attachment) -> String {
        AttachmentStore::<Claim>::file_stem(attachment) + SUFFIX
    }

    /// Returns the claims in the files of one attachment, the committed and the prepared one. What
    /// is no claim, such as a damaged file, is skipped, with a warning in the log.
    ///
    /// # Errors
    ///
    /// A file can't be read now.
    pub(crate) fn read_file(&self, name: &str) -> Result<[Option<Claim>; 2], Error> {
        let usable = |entry: Option<StoreEntry<Claim>>| match entry.map(|entry| self.checked(entry))
        {
            Some(Err(error)) if !may_be_readable(&error) => {
                log::warn!("{error}");
                Ok(None)
            }
            claim => claim.transpose(),
        };
        let stem = name.trim_end_matches(SUFFIX);
        let [committed, prepared] = [self.0.of_stem(stem), self.0.of_stem_prepared(stem)];
        Ok([usable(committed.transpose())?, usable(prepared.transpose())?])
    }

    /// Stores a claim as committed at once: one that has no rules.
    ///
    /// # Errors
    ///
    /// The file cannot be written. The claim that was committed before is unchanged.
    pub fn write(&self, claim: &Claim) -> Result<(), Error> {
        Ok(self.0.write(&claim.owner, claim)?)
    }

    /// Stores a claim as prepared, before its rules are created.
    ///
    /// # Errors
    ///
    /// The file cannot be written, and does not exist then.
    pub fn prepare(&self, claim: &Claim) -> Result<(), Error> {
        Ok(self.0.prepare(&claim.owner, claim)?)
    }

    /// Removes the prepared claim of an attachment, and keeps the committed one.
    ///
    /// # Errors
    ///
    /// The file exists and cannot be removed.
    pub fn discard_prepared(&self, owner: &Attachment) -> Result<(), Error> {
        Ok(self.0.discard_prepared(owner)?)
    }

    /// Commits the prepared claim of an attachment. It replaces the one that was committed before.
    ///
    /// # Errors
    ///
    /// There is no prepared claim, or its file cannot be renamed. The claim that was committed
    /// before is unchanged.
    pub fn commit(&self, owner: &Attachment) -> Result<(), Error> {
        Ok(self.0.commit(owner)?)
    }

    /// Makes the committed claim of an attachment a prepared one, before its rules are removed.
    ///
    /// # Errors
    ///
    /// The file cannot be renamed, and is unchanged.
    pub fn reopen(&self, owner: &Attachment) -> Result<(), Error> {
        Ok(self.0.reopen(owner)?)
    }

    /// Removes both claims of an attachment. It is not an error if there is none.
    ///
    /// # Errors
    ///
    /// A file exists and cannot be removed.
    pub fn remove(&self, owner: &Attachment) -> Result<(), Error> {
        Ok(self.0.remove(owner)?)
    }

    /// Returns the prepared claim of an attachment, or else the committed one, if there is any.
    ///
    /// # Errors
    ///
    /// The file of the committed claim cannot be read, or is damaged.
    pub fn read(&self, owner: &Attachment) -> Result<Option<Claim>, Error> {
        match self.read_prepared(owner) {
            Some(claim) => Ok(Some(claim)),
            None => self.read_committed(owner),
        }
    }

    /// Returns the claim of an attachment, as [`State::read`] does, even if its names were read
    /// from a tag and are abbreviated. Then all files are read.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is damaged; or the directory cannot be read. If names are
    /// abbreviated, damaged files are ignored.
    pub fn find(&self, owner: &Attachment) -> Result<Option<Claim>, Error> {
        let found = self.read(owner);
        if !owner.may_be_abbreviated() || matches!(found, Ok(Some(_))) {
            return found;
        }
        let tag = owner.tag();
        let claims = self.list_prepared()?.into_iter().chain(self.list()?.into_iter().flatten());
        Ok(claims.into_iter().find(|claim| claim.owner.tag() == tag))
    }

    /// Returns the prepared claim of an attachment, if there is one.
    ///
    /// A damaged file is ignored: its writer was killed before it created any rule.
    pub fn read_prepared(&self, owner: &Attachment) -> Option<Claim> {
        self.checked(entry(owner, self.0.read_prepared(owner))?).ok()
    }

    /// Returns the committed claim of an attachment, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is damaged.
    pub fn read_committed(&self, owner: &Attachment) -> Result<Option<Claim>, Error> {
        entry(owner, self.0.read(owner)).map(|entry| self.checked(entry)).transpose()
    }

    /// Returns all committed claims in the order of file names, with an error for each unusable
    /// file.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn list(&self) -> Result<Vec<Result<Claim, Error>>, Error> {
        Ok(self.0.list()?.into_iter().map(|entry| self.checked(entry)).collect())
    }

    /// Returns all prepared claims: of ADDs and DELs that are running or were killed.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn list_prepared(&self) -> Result<Vec<Claim>, Error> {
        let entries = self.0.list_prepared()?.into_iter();
        Ok(entries.filter_map(|entry| self.checked(entry).ok()).collect())
    }

    /// Returns all claims, committed and prepared.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn list_all(&self) -> Result<Vec<Claim>, Error> {
        let entries = self.0.list_all()?.into_iter();
        Ok(entries.filter_map(|entry| self.checked(entry).ok()).collect())
    }

    /// Checks owner and version of a claim that was read, and reads files of the former format.
    fn checked(&self, entry: Entry) -> Result<Claim, Error> {
        let (owner, claim) = match entry {
            Err(StoreError::Damaged { path, why }) => {
                let former = self.read_former(&path);
                former.ok_or(StoreError::Damaged { path, why })?
            }
            entry => entry?,
        };
        let why = if claim.owner != owner {
            format!("it contains the claim of {}", Owner::from(&claim.owner))
        } else if claim.version != VERSION {
            format!("it has format version {}; this program supports {VERSION}", claim.version)
        } else {
            return Ok(claim);
        };
        Err(Error::Damaged { path: self.path().join(Self::file_name(&owner)), why })
    }

    /// Reads a file that contains the claim alone, as the first version of this program wrote it.
    fn read_former(&self, path: &Path) -> Option<(Attachment, Claim)> {
        let name = path.file_name()?.to_str()?;
        let text = self.0.directory().ok()?.read(name, MAX_SIZE).ok()??;
        let claim: Claim = serde_json::from_slice(&text).ok()?;
        let is_owner = Self::file_name(&claim.owner) == name.trim_start_matches('.');
        is_owner.then(|| (claim.owner.clone(), claim))
    }
}

/// Reports whether a file could be read at another time, or by another user.
fn may_be_readable(error: &Error) -> bool {
    let Error::State(error) = error else { return false };
    matches!(
        Errno::from_io_error(&error.source),
        Some(
            Errno::MFILE
                | Errno::NFILE
                | Errno::NOMEM
                | Errno::IO
                | Errno::INTR
                | Errno::AGAIN
                | Errno::ACCESS
                | Errno::PERM
        )
    )
}

/// Pairs a claim that was read with its owner, as in a list.
fn entry(owner: &Attachment, read: Result<Option<Claim>, StoreError>) -> Option<Entry> {
    read.transpose().map(|claim| Ok((owner.clone(), claim?)))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
