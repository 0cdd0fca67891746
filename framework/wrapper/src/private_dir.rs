//! A directory of a plugin's own, for what it must remember from one call to the next.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// An open directory in which nobody else has a hand.
///
/// It is 0700 and ours, its files are 0600, and no symbolic link is followed, neither to the directory nor in it: plugins run
/// as root, and whoever could change these files could change what they do. A file is written by renaming, so it is whole or absent.
/// Names are those of files in the directory itself; [`Attachment::file_name`](crate::Attachment::file_name) makes one.
///
/// ```
/// # let temporary = cni_test_kit::TempDir::new();
/// # let path = temporary.path().join("private");
/// use cni_wrapper::PrivateDir;
///
/// let directory = PrivateDir::open(&path)?;
/// directory.replace("c1", b"what ADD decided")?;
/// assert_eq!(directory.read("c1", 1024)?.as_deref(), Some(&b"what ADD decided"[..]));
/// directory.remove("c1")?;
/// assert_eq!(directory.read("c1", 1024)?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PrivateDir {
    directory: OwnedFd,
    path: PathBuf,
}

/// A file or directory that could not be used. Code 5.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// What was tried, as in "read".
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl From<FileError> for crate::Error {
    fn from(error: FileError) -> Self {
        let FileError { action, path, source } = error;
        Self::io(format!("cannot {action} {}", path.display()), source)
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { action, path: path.to_owned(), source }
}

impl PrivateDir {
    /// Opens the directory, and makes it where it is missing.
    ///
    /// # Errors
    ///
    /// It can't be made, is a symbolic link or no directory, or belongs to another user.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed("create", parent))?;
        }
        match fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("create", path)(error.into())),
        }
        Self::open_existing(path)?.ok_or_else(|| failed("open", path)(Errno::NOENT.into()))
    }

    /// Opens the directory; `None` where there is none, and so nothing to remember.
    ///
    /// # Errors
    ///
    /// As [`PrivateDir::open`].
    pub fn open_existing(path: &Path) -> Result<Option<Self>, FileError> {
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
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's content, of which more than `largest` bytes are an error; `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// It can't be opened or read, or is too large.
    pub fn read(&self, name: &str, largest: usize) -> Result<Option<Vec<u8>>, FileError> {
        // Not to hang on a FIFO that somebody put here.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("open", name, error)),
        };
        let mut bytes = Vec::new();
        let read = file.take(largest as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.failed("read", name, error))?;
        if bytes.len() > largest {
            let why = io::Error::other(format!("it has more than {largest} bytes"));
            return Err(self.failed("read", name, why));
        }
        Ok(Some(bytes))
    }

    /// Writes the file anew: one that was there is removed first. Whoever needs it whole or absent takes
    /// [`PrivateDir::replace`], or renames it.
    ///
    /// # Errors
    ///
    /// It can't be written, and is not there then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.write_new(name, bytes).map_err(|error| {
            // Nothing of a write that failed may stay.
            let _ = self.unlink(name);
            self.failed("write", name, error)
        })
    }

    /// Writes the file, whole or not at all: by way of the same name with a dot before it.
    ///
    /// # Errors
    ///
    /// It can't be written, and is as it was.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let new = format!(".{name}");
        self.write(&new, bytes)?;
        match fs::renameat(&self.directory, &new, &self.directory, name) {
            Ok(()) => Ok(()),
            Err(error) => {
                let _ = self.unlink(&new);
                Err(self.failed("write", name, error))
            }
        }
    }

    /// Gives a file another name, in place of one that has it; false where there is no such file.
    ///
    /// # Errors
    ///
    /// It can't be renamed, and is as it was.
    pub fn rename(&self, from: &str, to: &str) -> Result<bool, FileError> {
        match fs::renameat(&self.directory, from, &self.directory, to) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("rename", from, error)),
        }
    }

    /// Removes the file. None is fine.
    ///
    /// # Errors
    ///
    /// It is there and can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        self.unlink(name).map_err(|error| self.failed("remove", name, error))
    }

    /// The names of all that is in it, in no order.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn names(&self) -> Result<Vec<String>, FileError> {
        let failed = |error: Errno| failed("read", &self.path)(error.into());
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Opens the file for reading and writing, and makes it where it is missing: to be locked with `flock`.
    ///
    /// It stays open in children: one that outlives its killed plugin by a moment may still be at what the lock is for, and
    /// whoever comes next must wait for that.
    ///
    /// # Errors
    ///
    /// It can't be opened.
    pub fn lock_file(&self, name: &str) -> Result<File, FileError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW;
        fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|error| self.failed("open", name, error))
    }

    fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // Left by a run that was killed.
        self.unlink(name)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(file);
        file.write_all(bytes)?;
        // Costs nothing below /run; elsewhere it keeps a power loss from leaving an empty file.
        file.sync_data()
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn failed(&self, action: &'static str, name: &str, source: impl Into<io::Error>) -> FileError {
        failed(action, &self.path.join(name))(source.into())
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
