//! Which claims have which host ports: the claims of all state directories of this host, by port.
//!
//! The record of this host has a directory for each host port (`ports/tcp-8080`), and in it a
//! symbolic link to the file of each claim that has it. So an ADD finds those that it may conflict
//! with in the time of a lookup, whether or not their rules still exist. Claims with ranges or many
//! ports are together in `ports/many`. For each state directory whose claims are in the index there
//! is a note next to these directories, a link to it (`ports/directory-HASH`).
//!
//! The claims are the truth: a link is created before its claim and removed after it. One that
//! leads nowhere is removed by the next ADD that wants its port.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use cni_wrapper::{FileError, hex};
use hmac_sha256::Hash;
use rustix::fs::stat;

use super::record::HostRecord;
use crate::claim::Claim;
use crate::error::Error;
use crate::files::{create_directory, names_in};
use crate::mappings::Mapping;
use crate::ordered;

const PORTS: &str = "ports";
/// How the name of the note for a state directory begins whose claims are in the index.
const NOTE: &str = "directory-";
/// The directory of claims with ranges, or with more than [`MOST`] mappings.
const MANY: &str = "many";
const MOST: usize = 32;

/// The index of host ports.
#[derive(Clone, Debug)]
pub struct PortIndex {
    path: PathBuf,
    /// The state directory whose note was seen last, unless the index has been removed since.
    included: Rc<RefCell<Option<PathBuf>>>,
}

impl PortIndex {
    /// Returns the index of this host, which need not exist yet.
    pub fn new(record: &HostRecord) -> Self {
        Self { path: record.path().join(PORTS), included: Rc::default() }
    }

    /// Reports whether the claims of a state directory have been entered.
    pub fn includes(&self, state_dir: &Path) -> bool {
        let is_included = self.note_of(state_dir).is_symlink();
        if is_included {
            self.included.replace(Some(state_dir.to_owned()));
        }
        is_included
    }

    /// Notes that the claims of a state directory have been entered.
    ///
    /// # Errors
    ///
    /// The note can't be written.
    pub fn include(&self, state_dir: &Path) -> Result<(), Error> {
        if self.included.borrow().as_deref() == Some(state_dir) {
            return Ok(());
        }
        let note = self.note_of(state_dir);
        symlink(state_dir, &note)
            .or_else(|error| match error.kind() {
                ErrorKind::AlreadyExists => Ok(()),
                _ => {
                    create_directory(&self.path)?;
                    symlink(state_dir, &note)
                }
            })
            .map_err(failed("create", &note))
    }

    fn note_of(&self, state_dir: &Path) -> PathBuf {
        let name = hex(&Hash::hash(state_dir.as_os_str().as_encoded_bytes())[..8]);
        self.path.join(NOTE.to_owned() + &name)
    }

    /// Adds a claim, which is or will be in this file.
    ///
    /// # Errors
    ///
    /// A link can't be created.
    pub fn add(&self, claim: &Claim, file: &Path) -> Result<(), Error> {
        let Some(name) = file.file_name() else { return Ok(()) };
        for bucket in buckets(&claim.all_mappings()) {
            let directory = self.path.join(bucket);
            let link = directory.join(name);
            // First, since a port is rarely in use already.
            create_directory(&directory).map_err(failed("create", &directory))?;
            let created = symlink(file, &link).or_else(|error| match error.kind() {
                ErrorKind::AlreadyExists => relink(file, &link),
                _ => Err(error),
            });
            created.map_err(failed("create", &link))?;
        }
        Ok(())
    }

    /// Removes a claim in this file.
    ///
    /// # Errors
    ///
    /// A link can't be removed.
    pub fn remove(&self, claim: &Claim, file: &Path) -> Result<(), Error> {
        buckets(&claim.all_mappings()).iter().try_for_each(|bucket| self.remove_from(bucket, file))
    }

    /// Adds `new`, and removes what only `old` needs; both are claims in this file.
    ///
    /// # Errors
    ///
    /// A link can't be created or removed.
    pub fn replace(&self, old: &Claim, new: &Claim, file: &Path) -> Result<(), Error> {
        self.add(new, file)?;
        let (old, new) = (buckets(&old.all_mappings()), buckets(&new.all_mappings()));
        old.difference(&new).try_for_each(|bucket| self.remove_from(bucket, file))
    }

    /// Removes what leads to this file, whatever was in it.
    ///
    /// # Errors
    ///
    /// As [`PortIndex::remove`].
    pub fn remove_unknown(&self, file: &Path) -> Result<(), Error> {
        self.all_buckets()?.iter().try_for_each(|bucket| self.remove_from(bucket, file))?;
        // A killed DEL may have left it empty.
        self.remove_if_unused()
    }

    /// Returns the files of the claims that may have one of these host ports.
    ///
    /// # Errors
    ///
    /// A directory can't be read.
    pub fn files_of(&self, mappings: &[Mapping]) -> Result<BTreeSet<PathBuf>, Error> {
        let mut wanted = buckets(mappings);
        if wanted.contains(MANY) {
            wanted = self.all_buckets()?;
        }
        wanted.insert(MANY.to_owned());
        let mut files = BTreeSet::new();
        for bucket in wanted {
            files.extend(self.files_in(&bucket)?);
        }
        Ok(files)
    }

    /// Returns the files of all claims.
    ///
    /// # Errors
    ///
    /// A directory can't be read.
    pub fn all_files(&self) -> Result<BTreeSet<PathBuf>, Error> {
        let mut files = BTreeSet::new();
        for bucket in self.all_buckets()? {
            files.extend(self.files_in(&bucket)?);
        }
        Ok(files)
    }

    fn files_in(&self, bucket: &str) -> Result<Vec<PathBuf>, Error> {
        let directory = self.path.join(bucket);
        let names = match names_in(&directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(failed("read", &directory))?,
        };
        let mut files = Vec::new();
        for link in names.into_iter().map(|name| directory.join(name)) {
            match fs::read_link(&link) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                target => files.push(target.map_err(failed("read", &link))?),
            }
        }
        Ok(files)
    }

    fn all_buckets(&self) -> Result<BTreeSet<String>, Error> {
        let is_bucket = |name: &String| !name.starts_with(NOTE);
        Ok(self.names()?.into_iter().filter(is_bucket).collect())
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let names = match names_in(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            names => names.map_err(failed("read", &self.path))?,
        };
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }

    /// Removes the index if it contains no claim.
    fn remove_if_unused(&self) -> Result<(), Error> {
        // On most file systems a directory has a link from each directory in it, and two more.
        // Those in it are for ports.
        if stat(&self.path).is_ok_and(|stat| stat.st_nlink > 2) {
            return Ok(());
        }
        let names = self.names()?;
        if !names.iter().all(|name| name.starts_with(NOTE)) {
            return Ok(());
        }
        self.included.take();
        for note in names.iter().map(|name| self.path.join(name)) {
            ignore_missing(fs::remove_file(&note)).map_err(failed("remove", &note))?;
        }
        ignore_missing(fs::remove_dir(&self.path)).map_err(failed("remove", &self.path))
    }

    fn remove_from(&self, bucket: &str, file: &Path) -> Result<(), Error> {
        let Some(name) = file.file_name() else { return Ok(()) };
        let directory = self.path.join(bucket);
        let link = directory.join(name);
        match fs::read_link(&link) {
            // An attachment of the same names in another state directory.
            Ok(target) if target != file => return Ok(()),
            Ok(_) => ignore_missing(fs::remove_file(&link)).map_err(failed("remove", &link))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read", &link)(error)),
        }
        remove_if_empty(&directory)?;
        self.remove_if_unused()
    }
}

/// Returns the names of the directories for these mappings.
fn buckets(mappings: &[Mapping]) -> BTreeSet<String> {
    if mappings.len() > MOST || mappings.iter().any(|mapping| mapping.range > 1) {
        return ordered::set([MANY.to_owned()]);
    }
    let name = |mapping: &Mapping| format!("{}-{}", mapping.protocol, mapping.host_port);
    ordered::set(mappings.iter().map(name))
}

fn relink(target: &Path, link: &Path) -> io::Result<()> {
    if fs::read_link(link).is_ok_and(|existing| existing == target) {
        return Ok(());
    }
    fs::remove_file(link)?;
    symlink(target, link)
}

fn remove_if_empty(directory: &Path) -> Result<(), Error> {
    match fs::remove_dir(directory) {
        Err(error)
            if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) =>
        {
            Err(failed("remove", directory)(error))
        }
        _ => Ok(()),
    }
}

fn ignore_missing(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| FileError { action, path, source }.into()
}
