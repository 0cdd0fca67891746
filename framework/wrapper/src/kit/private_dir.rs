//! A directory that only this plugin can use, for what it must remember from one call to the next.

use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::FileError;

/// An open directory that no other user can read or change.
///
/// Its mode is 0700 and it belongs to the plugin's user, its files have mode 0600, and symbolic
/// links are not followed, neither to the directory nor in it: plugins run as root, and a process
/// that could change these files could change what they do. Names are those of files in the
/// directory itself. For one file per attachment, see [`AttachmentStore`](crate::AttachmentStore).
///
/// A directory that exists is used if it is private already, and otherwise refused and left as it
/// is: a path in a configuration may be wrong, and `/run` must keep its permissions. Whatever
/// creates the directory for the plugin has to create it with mode 0700, for instance systemd with
/// `RuntimeDirectoryMode=0700`.
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
///
/// A clone shares the open directory.
#[derive(Clone, Debug)]
pub struct PrivateDir {
    directory: Arc<OwnedFd>,
    path: PathBuf,
}

/// More bytes than most files have.
const TYPICAL: usize = 4096;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { action, path: path.to_owned(), source }
}

impl PrivateDir {
    /// Opens the directory, and creates it if it is missing, together with its parents.
    ///
    /// # Errors
    ///
    /// It can't be created, or any user could replace it; it is a symbolic link or not a directory;
    /// or it [is not private](PrivateDir::is_refusal).
    pub fn open(path: &Path) -> Result<Self, FileError> {
        if let Some(existing) = Self::open_existing(path)? {
            return Ok(existing);
        }
        create(path)?;
        Self::open_existing(path)?.ok_or_else(|| failed("open", path)(Errno::NOENT.into()))
    }

    /// Opens the directory, or returns `None` if it does not exist. Nothing is created or changed.
    ///
    /// # Errors
    ///
    /// It is a symbolic link or not a directory, or [is not private](PrivateDir::is_refusal).
    pub fn open_existing(path: &Path) -> Result<Option<Self>, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Without a trailing slash, which would have a link followed.
        let path: &Path = &path.components().collect::<PathBuf>();
        let directory = match fs::open(path, flags, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(unopened(path, error)),
        };
        let stat = fs::fstat(&directory).map_err(|error| failed("open", path)(error.into()))?;
        if !is_private(&stat) {
            let refused = NotPrivate::new(&stat, &directory, path);
            return Err(failed("use", path)(io::Error::new(ErrorKind::PermissionDenied, refused)));
        }
        Ok(Some(Self { directory: directory.into(), path: path.to_owned() }))
    }

    /// Reports whether an error means that a directory exists and is not private: it belongs to
    /// another user, or others have permissions. Then no ADD has stored anything in it, and a DEL
    /// need not fail.
    pub fn is_refusal(error: &FileError) -> bool {
        error.source.get_ref().is_some_and(|source| source.is::<NotPrivate>())
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the content of a file, or `None` if it does not exist.
    ///
    /// More than `largest` bytes are an error.
    ///
    /// # Errors
    ///
    /// It can't be opened or read, or is too large.
    pub fn read(&self, name: &str, largest: usize) -> Result<Option<Vec<u8>>, FileError> {
        // Non-blocking, so that a FIFO does not make us hang.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(&self.directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("open", name, error)),
        };
        // With room for most files, which are then read with two calls.
        let mut bytes = Vec::with_capacity(TYPICAL.min(largest + 1));
        let read = file.take(largest as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.failed("read", name, error))?;
        if bytes.len() > largest {
            let why = io::Error::other(format!("it has more than {largest} bytes"));
            return Err(self.failed("read", name, why));
        }
        Ok(Some(bytes))
    }

    /// Writes a new file; an existing one is removed first.
    ///
    /// This is not atomic: use [`PrivateDir::replace`], or rename the file afterwards.
    ///
    /// # Errors
    ///
    /// It can't be written, and does not exist afterwards.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.write_new(name, bytes).map_err(|error| {
            // No partial file may stay.
            let _ = self.unlink(name);
            self.failed("write", name, error)
        })
    }

    /// Writes a file atomically: to the same name with a dot in front, which is then renamed.
    ///
    /// # Errors
    ///
    /// It can't be written, and is unchanged.
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

    /// Renames a file, in place of an existing one of the new name. Returns false if there is no
    /// such file.
    ///
    /// # Errors
    ///
    /// It can't be renamed, and is unchanged.
    pub fn rename(&self, from: &str, to: &str) -> Result<bool, FileError> {
        match fs::renameat(&self.directory, from, &self.directory, to) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("rename", from, error)),
        }
    }

    /// Removes a file. A missing one is not an error.
    ///
    /// # Errors
    ///
    /// It exists and can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        self.unlink(name).map_err(|error| self.failed("remove", name, error))
    }

    /// Returns the names of all entries, in no particular order.
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

    /// Opens a file for reading and writing, to be locked with `flock`. It is created if it is
    /// missing.
    ///
    /// Children inherit it: one that outlives its killed plugin for a moment may still be doing the
    /// work that the lock protects, and the next plugin must wait for it.
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
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || fs::openat(&self.directory, name, flags, Mode::RUSR | Mode::WUSR);
        let file = match open() {
            // Left by a process that was killed.
            Err(Errno::EXIST) => {
                self.unlink(name)?;
                open()?
            }
            opened => opened?,
        };
        let mut file = File::from(file);
        file.write_all(bytes)?;
        // Costs nothing below /run. Elsewhere a power loss could otherwise leave an empty file.
        file.sync_data()
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // A read-only file system refuses before it looks whether there is such a file.
            Err(Errno::ROFS) if !self.has(name) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn has(&self, name: &str) -> bool {
        let found = fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        !matches!(found, Err(Errno::NOENT))
    }

    fn failed(&self, action: &'static str, name: &str, source: impl Into<io::Error>) -> FileError {
        failed(action, &self.path.join(name))(source.into())
    }
}

/// Returns why a directory can't be opened. For a symbolic link the kernel says that it is not a
/// directory, which does not help an operator who sees one there.
fn unopened(path: &Path, error: Errno) -> FileError {
    let is_other = matches!(error, Errno::NOTDIR | Errno::LOOP);
    match std::fs::read_link(path) {
        // Not a number of the kernel's: it is refused here, and can't contain anything of ours.
        Ok(target) if is_other => failed("use", path)(io::Error::new(
            ErrorKind::NotADirectory,
            format!(
                "it is a symbolic link to {}; links are not followed, since any process that can \
             replace a link could choose which files a plugin that runs as root changes; \
             configure the directory itself",
                target.display()
            ),
        )),
        _ => failed("open", path)(error.into()),
    }
}

/// Creates the directory, private from the beginning, and its missing parents.
///
/// Their permissions do not depend on the umask of the runtime, which may be 0.
fn create(path: &Path) -> Result<(), FileError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        // One that is created here belongs to this user, and only this user can write to it.
        if !is_created(parent) {
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o755);
            builder.create(parent).map_err(failed("create", parent))?;
            check_parent(parent).map_err(failed("create", path))?;
        }
    }
    match fs::mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(failed("create", path)(error.into())),
    }
}

/// Reports whether the directory did not exist and has been created.
fn is_created(path: &Path) -> bool {
    fs::mkdir(path, Mode::RWXU | Mode::RGRP | Mode::XGRP | Mode::ROTH | Mode::XOTH).is_ok()
}

/// Refuses a parent in which any user could replace the directory. In one with the sticky bit, such
/// as `/tmp`, only its owner can.
fn check_parent(parent: &Path) -> io::Result<()> {
    let mode = fs::stat(parent)?.st_mode;
    if mode & 0o002 == 0 || mode & 0o1000 != 0 {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "any user can replace it, since the directory above it has mode {:04o}; configure another \
         directory",
        mode & 0o7777
    )))
}

fn is_private(stat: &fs::Stat) -> bool {
    stat.st_uid == own_user() && stat.st_mode & 0o077 == 0
}

/// Returns the effective user of this process, which does not change.
fn own_user() -> u32 {
    static USER: OnceLock<u32> = OnceLock::new();
    *USER.get_or_init(|| rustix::process::geteuid().as_raw())
}

/// Why an existing directory is refused.
#[derive(Debug)]
struct NotPrivate {
    mode: u32,
    user: u32,
    is_empty: bool,
    path: PathBuf,
}

impl NotPrivate {
    fn new(stat: &fs::Stat, directory: &OwnedFd, path: &Path) -> Self {
        let is_self = |name: &CStr| matches!(name.to_bytes(), b"." | b"..");
        let is_empty = fs::Dir::read_from(directory).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| is_self(entry.file_name())))
        });
        let (mode, user) = (stat.st_mode & 0o7777, stat.st_uid);
        Self { mode, user, is_empty, path: path.to_owned() }
    }
}

impl fmt::Display for NotPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, user, is_empty, path } = self;
        let own = own_user();
        write!(
            f,
            "it has mode {mode:04o} and belongs to user {user}, but what this plugin stores must \
             be accessible to user {own} only; "
        )?;
        if *user == own && *is_empty {
            return write!(f, "if it is meant for this plugin, run `chmod 700 {}`", path.display());
        }
        f.write_str(
            "configure a directory that is this plugin's alone (stateDir or wrapper.resultDir), \
             which is created if it does not exist; if this is that directory, restore its mode \
             0700 and its owner",
        )
    }
}

impl std::error::Error for NotPrivate {}
