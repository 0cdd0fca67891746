//! The state directory: one small file per attachment, which contains its claim.
//!
//! Rules are removed by their tags, so DEL works without the file. The files are needed by
//! `restore` and `list`, and to decide whether the owner of a host port is still alive.
//!
//! A claim is *pending* while its rules are being created or removed, and *committed* while they
//! exist. The file of a pending claim has a dot before its name; renaming it commits the claim. If
//! an ADD or DEL is killed, the next DEL therefore knows what may be left, and `restore` does not
//! recreate it: its host ports may belong to another container by then.
//!
//! The directory is a [`PrivateDir`]: no other user can read or change its files.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cni_wrapper::{Attachment, FileError, PrivateDir};

use crate::claim::{Claim, VERSION};
use crate::error::Error;
use crate::owner::Owner;

/// The maximum size of a file in bytes. 10,000 mappings take about one MiB.
const MAX_SIZE: usize = 16 << 20;
const SUFFIX: &str = ".json";
const LOCK: &str = "lock";

/// An open state directory.
#[derive(Debug)]
pub struct State(PrivateDir);

impl State {
    /// Opens the directory, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// It cannot be created, is a symbolic link or not a directory, or belongs to another user.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self(PrivateDir::open(path)?))
    }

    /// Opens the directory. Returns `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        Ok(PrivateDir::open_existing(path)?.map(Self))
    }

    /// Returns the path of the directory.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the name of the file of an attachment.
    pub(crate) fn file_name(attachment: &Attachment) -> String {
        file_name(attachment)
    }

    /// Stores a claim as committed at once: one that has no rules.
    ///
    /// # Errors
    ///
    /// The file cannot be written. The claim that was committed before is unchanged.
    pub fn write(&self, claim: &Claim) -> Result<(), Error> {
        self.begin(claim)?;
        self.commit(&claim.owner)
    }

    /// Stores a claim as pending, before its rules are created.
    ///
    /// # Errors
    ///
    /// The file cannot be written, and does not exist then.
    pub fn begin(&self, claim: &Claim) -> Result<(), Error> {
        let text = serde_json::to_vec(claim).map_err(|error| {
            let path = self.path().join(pending_name(&claim.owner));
            FileError { action: "write", path, source: error.into() }
        })?;
        Ok(self.0.write(&pending_name(&claim.owner), &text)?)
    }

    /// Commits the pending claim of an attachment. It replaces the one that was committed before.
    ///
    /// # Errors
    ///
    /// The file cannot be renamed. The claim that was committed before is unchanged.
    pub fn commit(&self, owner: &Attachment) -> Result<(), Error> {
        let name = pending_name(owner);
        match self.0.rename(&name, &file_name(owner))? {
            true => Ok(()),
            false => Err(FileError {
                action: "rename",
                path: self.path().join(name),
                source: ErrorKind::NotFound.into(),
            }
            .into()),
        }
    }

    /// Makes the committed claim of an attachment pending, before its rules are removed.
    ///
    /// # Errors
    ///
    /// The file cannot be renamed, and is unchanged.
    pub fn begin_removal(&self, owner: &Attachment) -> Result<(), Error> {
        self.0.rename(&file_name(owner), &pending_name(owner))?;
        Ok(())
    }

    /// Returns the pending claim of an attachment, or else the committed one, if there is any.
    ///
    /// # Errors
    ///
    /// The file of the committed claim cannot be read, or is damaged. A damaged file of a pending
    /// claim is ignored: its writer was killed before it created any rule.
    pub fn read(&self, owner: &Attachment) -> Result<Option<Claim>, Error> {
        match self.read_pending(owner) {
            Some(claim) => Ok(Some(claim)),
            None => self.read_committed(owner),
        }
    }

    /// Returns the pending claim of an attachment, if there is one.
    pub fn read_pending(&self, owner: &Attachment) -> Option<Claim> {
        self.read_of(owner, &pending_name(owner)).unwrap_or_default()
    }

    /// Returns the committed claim of an attachment, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is damaged.
    pub fn read_committed(&self, owner: &Attachment) -> Result<Option<Claim>, Error> {
        self.read_of(owner, &file_name(owner))
    }

    fn read_of(&self, owner: &Attachment, name: &str) -> Result<Option<Claim>, Error> {
        self.read_file(name, |found| found == owner)
    }

    /// Reads a file of which only the name is known.
    fn read_named(&self, name: &str) -> Result<Option<Claim>, Error> {
        let committed_name = name.trim_start_matches('.');
        self.read_file(name, |found| file_name(found) == committed_name)
    }

    /// Returns all committed claims in the order of file names, with an error for each unusable
    /// file.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn list(&self) -> Result<Vec<Result<Claim, Error>>, Error> {
        let mut names = self.names(|name| !name.starts_with('.'))?;
        names.sort_unstable();
        // The attachment of a file that has disappeared meanwhile was deleted meanwhile.
        Ok(names.iter().filter_map(|name| self.read_named(name).transpose()).collect())
    }

    /// Returns all pending claims: of ADDs and DELs that are running or were killed.
    ///
    /// # Errors
    ///
    /// The directory itself cannot be read.
    pub fn list_pending(&self) -> Result<Vec<Claim>, Error> {
        let names = self.names(|name| name.starts_with('.'))?;
        Ok(names.iter().filter_map(|name| self.read_named(name).ok()?).collect())
    }

    fn names(&self, filter: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
        let mut names = self.0.names()?;
        names.retain(|name| name.ends_with(SUFFIX) && filter(name));
        Ok(names)
    }

    /// Removes both claims of an attachment. It is not an error if there is none.
    ///
    /// # Errors
    ///
    /// A file exists and cannot be removed.
    pub fn remove(&self, owner: &Attachment) -> Result<(), Error> {
        self.0.remove(&file_name(owner))?;
        Ok(self.0.remove(&pending_name(owner))?)
    }

    /// Opens the lock file, which contains the id of the process that last took the lock.
    pub(crate) fn lock_file(&self) -> Result<(File, PathBuf), Error> {
        Ok((self.0.lock_file(LOCK)?, self.path().join(LOCK)))
    }

    /// Reads a file. A claim of an unexpected attachment is an error.
    fn read_file(
        &self,
        name: &str,
        is_expected: impl Fn(&Attachment) -> bool,
    ) -> Result<Option<Claim>, Error> {
        let Some(text) = self.0.read(name, MAX_SIZE)? else { return Ok(None) };
        let damaged = |why| Error::Damaged { path: self.path().join(name), why };
        match parse(&text) {
            Ok(claim) if is_expected(&claim.owner) => Ok(Some(claim)),
            Ok(claim) => Err(damaged(format!("it is the file of {}", Owner::from(&claim.owner)))),
            Err(why) => Err(damaged(why)),
        }
    }
}

fn parse(text: &[u8]) -> Result<Claim, String> {
    let claim: Claim = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match claim.version {
        VERSION => Ok(claim),
        other => Err(format!("it has format version {other}; this program supports {VERSION}")),
    }
}

fn file_name(attachment: &Attachment) -> String {
    attachment.file_name() + SUFFIX
}

fn pending_name(attachment: &Attachment) -> String {
    format!(".{}", file_name(attachment))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
