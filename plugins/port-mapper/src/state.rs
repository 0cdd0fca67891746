//! The state directory: one small file per attachment, which says what it claims.
//!
//! Rules are removed by their tags, so losing a file never breaks a DEL. The files are there for `restore`,
//! `list`, and to tell whether an owner is still alive.
//!
//! A claim is *begun* before anything of it is made, in a file whose name has a dot before it, and *settled* by renaming that once
//! its rules stand. A DEL goes the same way back. So what a killed ADD or DEL may have left is known to the next DEL; but nobody takes it
//! for a container's own: `restore` would hand host ports to it that belong to another by now.
//!
//! Nobody else may have a hand in the directory: it is 0700 and ours, files are 0600, and no symbolic link is
//! followed, neither to the directory nor in it. A file is replaced by renaming, so it is whole or absent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use crate::claim::{Claim, VERSION};
use crate::error::Error;
use crate::owner::{Owner, hex};

/// The most that is read of a file, in bytes: 10,000 mappings take about one MiB.
const LARGEST: u64 = 16 << 20;
const SUFFIX: &str = ".json";

/// An open state directory.
#[derive(Debug)]
pub struct State {
    directory: OwnedFd,
    path: PathBuf,
}

impl State {
    /// Opens the directory, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// It can't be made, is a symbolic link or no directory, or belongs to another user.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        match fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("create", path)(error.into())),
        }
        Self::open_existing(path)?.ok_or_else(|| failed("open", path)(Errno::NOENT.into()))
    }

    /// Opens the directory; `None` where there is none, and so no state.
    ///
    /// # Errors
    ///
    /// As [`State::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = match fs::open(path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed("open", path)(error.into())),
        };
        keep_private(&directory).map_err(failed("use", path))?;
        Ok(Some(Self { directory, path: path.to_owned() }))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of an owner's file: `PREFIX~HEX.json`.
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
        let name = begun_name(&claim.owner);
        let path = self.path.join(&name);
        let text =
            serde_json::to_vec(claim).map_err(|error| failed("write", &path)(error.into()))?;
        self.write_new(&name, &text).map_err(|error| {
            // Nothing of a write that failed may stay.
            let _ = self.unlink(&name);
            failed("write", &path)(error)
        })
    }

    /// What was begun stands: it takes the place of what the attachment had before.
    ///
    /// # Errors
    ///
    /// The file can't be renamed; the one before it is left as it was.
    pub fn settle(&self, owner: &Owner) -> Result<(), Error> {
        let name = file_name(owner);
        fs::renameat(&self.directory, begun_name(owner), &self.directory, &name)
            .map_err(|error| failed("write", &self.path.join(&name))(error.into()))
    }

    fn write_new(&self, name: &str, text: &[u8]) -> io::Result<()> {
        // Left by a run that was killed: its name is not in use by any other attachment.
        self.unlink(name)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        file.write_all(text)?;
        // Costs nothing below /run; elsewhere it keeps a power loss from leaving an empty file.
        file.sync_data()
    }

    /// What is settled is about to go, and is only begun from here on.
    ///
    /// # Errors
    ///
    /// The file can't be renamed; it is left as it was.
    pub fn unsettle(&self, owner: &Owner) -> Result<(), Error> {
        let name = file_name(owner);
        match fs::renameat(&self.directory, &name, &self.directory, begun_name(owner)) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(failed("rename", &self.path.join(&name))(error.into())),
        }
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
        let failed = |error: Errno| failed("read", &self.path)(error.into());
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(SUFFIX) && is_wanted(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Removes the files of an attachment, what it has begun and what is settled. None is fine.
    ///
    /// # Errors
    ///
    /// It is there and can't be removed.
    pub fn remove(&self, owner: &Owner) -> Result<(), Error> {
        let name = file_name(owner);
        self.unlink(&name)
            .and_then(|()| self.unlink(&begun_name(owner)))
            .map_err(failed("remove", &self.path.join(name)))
    }

    /// The lock file, opened; its content tells who took it last.
    pub(crate) fn lock_file(&self) -> Result<(File, PathBuf), Error> {
        let path = self.path.join("lock");
        // Children have it too (no CLOEXEC): an iptables that outlives its killed plugin by a moment still changes rules, and
        // whoever comes next must wait for that.
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW;
        fs::openat(&self.directory, "lock", flags, Mode::RUSR | Mode::WUSR)
            .map(|file| (File::from(file), path.clone()))
            .map_err(|error| failed("open", &path)(error.into()))
    }

    /// Reads a file; a claim of anybody else but its owner is damage.
    fn read_file(
        &self,
        name: &str,
        is_owner: impl Fn(&Owner) -> bool,
    ) -> Result<Option<Claim>, Error> {
        let path = self.path.join(name);
        // Not to hang on a FIFO that somebody put here.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed("open", &path)(error.into())),
        };
        let mut text = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(failed("read", &path))?;
        match parse(&text) {
            Ok(claim) if is_owner(&claim.owner) => Ok(Some(claim)),
            Ok(claim) => Err(Error::Damaged { path, why: format!("it is of {}", claim.owner) }),
            Err(why) => Err(Error::Damaged { path, why }),
        }
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Refuses a directory of somebody else, and closes ours to all others.
fn keep_private(directory: &OwnedFd) -> io::Result<()> {
    let stat = fs::fstat(directory)?;
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        let why = format!("it belongs to user {}; remove it, or set another stateDir", stat.st_uid);
        return Err(io::Error::other(why));
    }
    if stat.st_mode & 0o077 != 0 {
        fs::fchmod(directory, Mode::RWXU)?;
    }
    Ok(())
}

fn parse(text: &[u8]) -> Result<Claim, String> {
    if text.len() as u64 > LARGEST {
        return Err(format!("it has more than {LARGEST} bytes"));
    }
    let claim: Claim = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    match claim.version {
        VERSION => Ok(claim),
        other => Err(format!("it is of form {other}, and this version knows {VERSION}")),
    }
}

/// `PREFIX~HEX.json`: letters of the container id for people, and a hash of the whole owner, so that no id makes
/// a path, and no two owners share a file.
fn file_name(owner: &Owner) -> String {
    let prefix: String = owner
        .container_id
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .take(64)
        .collect();
    let hash = hex(&Sha256::digest(owner.tag()));
    format!("{prefix}~{}{SUFFIX}", &hash[..32])
}

fn begun_name(owner: &Owner) -> String {
    format!(".{}", file_name(owner))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::State { action, path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
