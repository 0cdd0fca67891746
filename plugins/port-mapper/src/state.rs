//! The state directory: one small file per attachment, which says what it claims.
//!
//! Rules are removed by their tags, so losing a file never breaks a DEL. The files are there for `restore`,
//! `list`, and to tell whether an owner is still alive.
//!
//! A claim is *begun* before anything of it is made, in a file whose name has a dot before it, and *settled* by renaming that once
//! its rules stand. A DEL goes the same way back. So what a killed ADD or DEL may have left is known to the next DEL; but nobody takes it
//! for a container's own: `restore` would hand host ports to it that belong to another by now.
//!
//! Nobody else has a hand in the directory: it is a [`PrivateDir`].

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cni_wrapper::{Attachment, AttachmentStore, FileError, PrivateDir};

use crate::claim::{Claim, VERSION};
use crate::error::Error;
use crate::owner::Owner;

/// The most that is read of a file, in bytes: 10,000 mappings take about one MiB.
const LARGEST: usize = 16 << 20;
const SUFFIX: &str = ".json";
const LOCK: &str = "lock";

/// An open state directory.
#[derive(Debug)]
pub struct State(PrivateDir);

impl State {
    /// Opens the directory, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// It can't be made, is a symbolic link or no directory, or belongs to another user.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self(PrivateDir::open(path)?))
    }

    /// Opens the directory; `None` where there is none, and so no state.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        Ok(PrivateDir::open_existing(path)?.map(Self))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The name of an owner's file: that of its attachment, and `.json`.
    pub(crate) fn file_name(owner: &Owner) -> String {
        file_name(owner)
    }

    /// Writes the file of a claim of which nothing has to be made.
    ///
    /// # Errors
    ///
    /// The file can't be written; the one before it is left as it was.
    pub fn write(&self, claim: &Claim) -> Result<(), Error> {
        self.begin(claim)?;
        self.settle(&claim.owner)
    }

    /// Notes a claim before anything of it is made.
    ///
    /// # Errors
    ///
    /// The file can't be written, and is not there then.
    pub fn begin(&self, claim: &Claim) -> Result<(), Error> {
        let text = serde_json::to_vec(claim).map_err(|error| {
            let path = self.path().join(begun_name(&claim.owner));
            FileError { action: "write", path, source: error.into() }
        })?;
        Ok(self.0.write(&begun_name(&claim.owner), &text)?)
    }

    /// What was begun stands: it takes the place of what the attachment had before.
    ///
    /// # Errors
    ///
    /// The file can't be renamed; the one before it is left as it was.
    pub fn settle(&self, owner: &Owner) -> Result<(), Error> {
        let name = begun_name(owner);
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

    /// What is settled is about to go, and is only begun from here on.
    ///
    /// # Errors
    ///
    /// The file can't be renamed; it is left as it was.
    pub fn unsettle(&self, owner: &Owner) -> Result<(), Error> {
        self.0.rename(&file_name(owner), &begun_name(owner))?;
        Ok(())
    }

    /// What there may be of an attachment: what it has begun, else what is settled; `None` when there is no file of it.
    ///
    /// # Errors
    ///
    /// The settled file can't be read, or is damaged. One that was only begun is damaged when its writer was killed: before
    /// anything was made, so that it says nothing.
    pub fn read(&self, owner: &Owner) -> Result<Option<Claim>, Error> {
        match self.read_begun(owner) {
            Some(claim) => Ok(Some(claim)),
            None => self.read_settled(owner),
        }
    }

    /// What an attachment has begun and not settled, if anything.
    pub fn read_begun(&self, owner: &Owner) -> Option<Claim> {
        self.read_of(owner, &begun_name(owner)).unwrap_or_default()
    }

    /// What is settled of an attachment.
    ///
    /// # Errors
    ///
    /// The file can't be read, or is damaged.
    pub fn read_settled(&self, owner: &Owner) -> Result<Option<Claim>, Error> {
        self.read_of(owner, &file_name(owner))
    }

    fn read_of(&self, owner: &Owner, name: &str) -> Result<Option<Claim>, Error> {
        self.read_file(name, |claimant| claimant == owner)
    }

    /// Reads a file whose owner is known by its name alone.
    fn read_named(&self, name: &str) -> Result<Option<Claim>, Error> {
        let settled = name.trim_start_matches('.');
        self.read_file(name, |claimant| file_name(claimant) == settled)
    }

    /// All settled claims, in order of file names; a file that can't be used is an error among them, and no end.
    ///
    /// # Errors
    ///
    /// The directory itself can't be read.
    pub fn list(&self) -> Result<Vec<Result<Claim, Error>>, Error> {
        let mut names = self.names(|name| !name.starts_with('.'))?;
        names.sort_unstable();
        // A file that is gone by now belonged to an attachment that is gone by now.
        Ok(names.iter().filter_map(|name| self.read_named(name).transpose()).collect())
    }

    /// All claims that were begun and not settled: of ADDs and DELs that are under way, or were killed.
    ///
    /// # Errors
    ///
    /// The directory itself can't be read.
    pub fn list_begun(&self) -> Result<Vec<Claim>, Error> {
        let names = self.names(|name| name.starts_with('.'))?;
        Ok(names.iter().filter_map(|name| self.read_named(name).ok()?).collect())
    }

    fn names(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
        let mut names = self.0.names()?;
        names.retain(|name| name.ends_with(SUFFIX) && is_wanted(name));
        Ok(names)
    }

    /// Removes the files of an attachment, what it has begun and what is settled. None is fine.
    ///
    /// # Errors
    ///
    /// It is there and can't be removed.
    pub fn remove(&self, owner: &Owner) -> Result<(), Error> {
        self.0.remove(&file_name(owner))?;
        Ok(self.0.remove(&begun_name(owner))?)
    }

    /// The lock file, opened; its content tells who took it last.
    pub(crate) fn lock_file(&self) -> Result<(File, PathBuf), Error> {
        Ok((self.0.lock_file(LOCK)?, self.path().join(LOCK)))
    }

    /// Reads a file; a claim of anybody else but its owner is damage.
    fn read_file(
        &self,
        name: &str,
        is_owner: impl Fn(&Owner) -> bool,
    ) -> Result<Option<Claim>, Error> {
        let Some(text) = self.0.read(name, LARGEST)? else { return Ok(None) };
        let damaged = |why| Error::Damaged { path: self.path().join(name), why };
        match parse(&text) {
            Ok(claim) if is_owner(&claim.owner) => Ok(Some(claim)),
            Ok(claim) => Err(damaged(format!("it is of {}", claim.owner))),
            Err(why) => Err(damaged(why)),
        }
    }
}

fn parse(text: &[u8]) -> Result<Claim, String> {
    let claim: Claim = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match claim.version {
        VERSION => Ok(claim),
        other => Err(format!("it is of form {other}, and this version knows {VERSION}")),
    }
}

fn file_name(owner: &Owner) -> String {
    let Owner { network, container_id, ifname } = owner.clone();
    AttachmentStore::<()>::file_stem(&Attachment { network, container_id, ifname }) + SUFFIX
}

fn begun_name(owner: &Owner) -> String {
    format!(".{}", file_name(owner))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
