//! What a plugin remembers of an attachment from one call to the next.

use std::{
    io::ErrorKind,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use cni_protocol::{Attachment, json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{file_stem::file_stem, private_dir::PrivateDir};
use crate::error::{FileError, StoreError};

/// The most that is read of a file, in bytes: 10,000 port mappings take about one MiB.
const LARGEST: usize = 16 << 20;
const SUFFIX: &str = ".json";

/// A directory with one small file for each attachment, which contains a value of type `T`.
///
/// A runtime may call DEL with a different configuration from ADD, in another process and after a
/// crash. What must not change in between is kept here. A value that is lost or damaged must not
/// keep a container from being removed: DEL does without it.
///
/// Files are replaced atomically. The directory is a [`PrivateDir`], which is created by the first
/// write; below `/run` the values end with the machine's uptime, as attachments do. For values that
/// concern a network as a whole, use [`Attachment::of_network`]. A value of any serde type can be
/// read back as it was written.
///
/// ```
/// use cni_wrapper::{Attachment, AttachmentStore};
///
/// # let temporary = cni_test_kit::TempDir::new();
/// # let path = temporary.path().join("addresses");
/// let store = AttachmentStore::<String>::new(&path);
/// let attachment = Attachment::new("mesos", "c1", "eth0");
/// store.write(&attachment, &"10.0.0.2".to_owned())?;
/// assert_eq!(store.read(&attachment)?.as_deref(), Some("10.0.0.2"));
/// assert_eq!(store.of_network("mesos")?, [(attachment.clone(), "10.0.0.2".to_owned())]);
/// store.remove(&attachment)?;
/// assert_eq!(store.read(&attachment)?, None);
/// # Ok::<(), cni_wrapper::StoreError>(())
/// ```
///
/// # Prepared values
///
/// A value can be written in two steps: [`prepare`](Self::prepare) it before the work that it
/// describes, and [`commit`](Self::commit) it once that is done. [`reopen`](Self::reopen) makes a
/// committed value a prepared one again, before the work is undone. So a value that is still
/// prepared names an ADD or a DEL that is running or was killed, and a killed one is found by the
/// next DEL. Only committed values are returned by [`read`](Self::read) and [`list`](Self::list).
///
/// ```
/// # use cni_wrapper::{Attachment, AttachmentStore};
/// # let temporary = cni_test_kit::TempDir::new();
/// # let store = AttachmentStore::<u16>::new(temporary.path().join("ports"));
/// # let attachment = Attachment::new("mesos", "c1", "eth0");
/// store.prepare(&attachment, &8080)?;
/// assert_eq!(store.read(&attachment)?, None);
/// assert_eq!(store.read_prepared(&attachment)?, Some(8080));
/// // … create the rules …
/// store.commit(&attachment)?;
/// assert_eq!(store.read(&attachment)?, Some(8080));
/// # Ok::<(), cni_wrapper::StoreError>(())
/// ```
#[derive(Debug)]
pub struct AttachmentStore<T> {
    path: PathBuf,
    /// The open directory, once an operation needed it.
    directory: OnceLock<PrivateDir>,
    value: PhantomData<fn(T) -> T>,
}

/// The clone shares the directory if it is open.
impl<T> Clone for AttachmentStore<T> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), directory: self.directory.clone(), value: PhantomData }
    }
}

/// An attachment and its value, or the error of a file that can't be used.
pub type StoreEntry<T> = Result<(Attachment, T), StoreError>;

/// The content of a file. The attachment is part of it, because the file's name has only a hash of
/// it.
#[derive(Serialize, Deserialize)]
struct Stored<T> {
    attachment: Attachment,
    /// Files of earlier versions have `note`: a container outlives an upgrade of its plugin.
    #[serde(alias = "note")]
    value: T,
}

impl<T> AttachmentStore<T> {
    /// Returns the store in this directory, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), directory: OnceLock::new(), value: PhantomData }
    }

    /// Returns the store in a directory that is open already.
    pub(crate) fn in_directory(directory: PrivateDir) -> Self {
        let path = directory.path().to_owned();
        Self { path, directory: OnceLock::from(directory), value: PhantomData }
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory, for files other than those of attachments, such as locks. It is created
    /// if it is missing.
    ///
    /// # Errors
    ///
    /// As [`PrivateDir::open`].
    pub fn directory(&self) -> Result<&PrivateDir, FileError> {
        match self.directory.get() {
            Some(directory) => Ok(directory),
            None => Ok(self.keep(PrivateDir::open(&self.path)?)),
        }
    }

    /// Returns the directory, as [`AttachmentStore::directory`] does, or `None` if it does not
    /// exist.
    ///
    /// # Errors
    ///
    /// As [`PrivateDir::open_existing`].
    pub fn existing_directory(&self) -> Result<Option<&PrivateDir>, FileError> {
        match self.directory.get() {
            Some(directory) => Ok(Some(directory)),
            None => Ok(PrivateDir::open_existing(&self.path)?.map(|opened| self.keep(opened))),
        }
    }

    fn keep(&self, opened: PrivateDir) -> &PrivateDir {
        self.directory.get_or_init(|| opened)
    }

    /// Makes the prepared value the committed one, in place of the previous value.
    ///
    /// # Errors
    ///
    /// There is no prepared value, or the file can't be renamed. The previous value is kept.
    pub fn commit(&self, attachment: &Attachment) -> Result<(), StoreError> {
        let name = prepared_name(attachment);
        let is_renamed = match self.existing_directory()? {
            Some(directory) => directory.rename(&name, &file_name(attachment))?,
            None => false,
        };
        if is_renamed {
            return Ok(());
        }
        let path = self.path.join(name);
        Err(FileError { action: "rename", path, source: ErrorKind::NotFound.into() }.into())
    }

    /// Makes the committed value a prepared one; does nothing if there is none.
    ///
    /// # Errors
    ///
    /// The file can't be renamed, and is unchanged.
    pub fn reopen(&self, attachment: &Attachment) -> Result<(), StoreError> {
        if let Some(directory) = self.existing_directory()? {
            directory.rename(&file_name(attachment), &prepared_name(attachment))?;
        }
        Ok(())
    }

    /// Removes the values of an attachment, committed and prepared. Having none is not an error,
    /// and there is none in a directory that is [refused](PrivateDir::is_refusal).
    ///
    /// # Errors
    ///
    /// A file exists and can't be removed.
    pub fn remove(&self, attachment: &Attachment) -> Result<(), StoreError> {
        let directory = match self.existing_directory() {
            Ok(Some(directory)) => directory,
            Ok(None) => return Ok(()),
            Err(error) if PrivateDir::is_refusal(&error) => {
                log::warn!("{error}");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        directory.remove(&file_name(attachment))?;
        Ok(directory.remove(&prepared_name(attachment))?)
    }

    /// Removes the prepared value of an attachment, and keeps the committed one. Having none is not
    /// an error.
    ///
    /// # Errors
    ///
    /// The file exists and can't be removed.
    pub fn discard_prepared(&self, attachment: &Attachment) -> Result<(), StoreError> {
        let Some(directory) = self.existing_directory()? else { return Ok(()) };
        Ok(directory.remove(&prepared_name(attachment))?)
    }

    /// Returns how the names of all files of an attachment begin: `PREFIX~HASH`. The value is in
    /// the file with the extension `.json`; others, such as locks, can be named after it.
    ///
    /// The prefix is for people: letters of the container id, or of the network if there is none.
    /// The hash is of the whole attachment. So no id results in a path, and no two attachments
    /// share a file.
    pub fn file_stem(attachment: &Attachment) -> String {
        file_stem(attachment)
    }

    fn damaged(&self, name: &str, why: impl ToString) -> StoreError {
        StoreError::Damaged { path: self.path.join(name), why: why.to_string() }
    }
}

impl<T: Serialize> AttachmentStore<T> {
    /// Writes the value of an attachment, in place of the previous one.
    ///
    /// # Errors
    ///
    /// The file can't be written. The previous value is kept.
    pub fn write(&self, attachment: &Attachment, value: &T) -> Result<(), StoreError> {
        self.prepare(attachment, value)?;
        self.commit(attachment)
    }

    /// Writes a prepared value; a committed one is kept next to it.
    ///
    /// # Errors
    ///
    /// The file can't be written, and does not exist afterwards.
    pub fn prepare(&self, attachment: &Attachment, value: &T) -> Result<(), StoreError> {
        let name = prepared_name(attachment);
        let stored = Stored { attachment: attachment.clone(), value };
        let text = serde_json::to_vec(&stored).map_err(|error| FileError {
            action: "write",
            path: self.path.join(&name),
            source: error.into(),
        })?;
        Ok(self.directory()?.write(&name, &text)?)
    }
}

impl<T: DeserializeOwned> AttachmentStore<T> {
    /// Returns the committed value of an attachment.
    ///
    /// # Errors
    ///
    /// The file can't be read, or is damaged.
    pub fn read(&self, attachment: &Attachment) -> Result<Option<T>, StoreError> {
        self.read_of(attachment, &file_name(attachment))
    }

    /// Returns the prepared value of an attachment.
    ///
    /// # Errors
    ///
    /// The file can't be read, or is damaged. It is damaged if its writer was killed, which was
    /// before the work that it describes had begun.
    pub fn read_prepared(&self, attachment: &Attachment) -> Result<Option<T>, StoreError> {
        self.read_of(attachment, &prepared_name(attachment))
    }

    fn read_of(&self, attachment: &Attachment, name: &str) -> Result<Option<T>, StoreError> {
        let Some(directory) = self.existing_directory()? else { return Ok(None) };
        match self.parse(directory, name)? {
            Some(stored) if stored.attachment != *attachment => {
                Err(self.damaged(name, "it is of another attachment"))
            }
            stored => Ok(stored.map(|stored| stored.value)),
        }
    }

    /// Returns all committed values, in the order of file names. A file that can't be used is an
    /// error among them.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn list(&self) -> Result<Vec<StoreEntry<T>>, StoreError> {
        self.all(|name| !name.starts_with('.'))
    }

    /// Returns all prepared values, as [`AttachmentStore::list`] does.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn list_prepared(&self) -> Result<Vec<StoreEntry<T>>, StoreError> {
        self.all(|name| name.starts_with('.'))
    }

    /// Returns all committed and prepared values, as [`AttachmentStore::list`] does.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn list_all(&self) -> Result<Vec<StoreEntry<T>>, StoreError> {
        self.all(|_| true)
    }

    /// Returns the committed value in the file with this [stem](Self::file_stem), and its
    /// attachment.
    ///
    /// # Errors
    ///
    /// The file can't be used.
    pub fn of_stem(&self, stem: &str) -> Result<Option<(Attachment, T)>, StoreError> {
        self.of_name(&format!("{stem}{SUFFIX}"))
    }

    /// Returns the prepared value, as [`AttachmentStore::of_stem`] does.
    ///
    /// # Errors
    ///
    /// The file can't be used.
    pub fn of_stem_prepared(&self, stem: &str) -> Result<Option<(Attachment, T)>, StoreError> {
        self.of_name(&format!(".{stem}{SUFFIX}"))
    }

    fn of_name(&self, name: &str) -> Result<Option<(Attachment, T)>, StoreError> {
        match self.existing_directory()? {
            Some(directory) => self.entry(directory, name),
            None => Ok(None),
        }
    }

    /// Returns the committed values of all attachments of a network. Files that can't be used are
    /// skipped, with a warning in the log.
    ///
    /// # Errors
    ///
    /// The directory can't be read.
    pub fn of_network(&self, network: &str) -> Result<Vec<(Attachment, T)>, StoreError> {
        let warn = |error: &StoreError| log::warn!("{error}");
        let usable = self.list()?.into_iter().filter_map(|entry| entry.inspect_err(warn).ok());
        Ok(usable.filter(|(attachment, _)| attachment.network == network).collect())
    }

    fn all(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<StoreEntry<T>>, StoreError> {
        let Some(directory) = self.existing_directory()? else { return Ok(Vec::new()) };
        let mut names = directory.names()?;
        names.retain(|name| name.ends_with(SUFFIX) && is_wanted(name));
        names.sort_unstable();
        // A file that no longer exists was of an attachment that has been removed in the meantime.
        Ok(names.iter().filter_map(|name| self.entry(directory, name).transpose()).collect())
    }

    fn entry(
        &self,
        directory: &PrivateDir,
        name: &str,
    ) -> Result<Option<(Attachment, T)>, StoreError> {
        match self.parse(directory, name)? {
            Some(Stored { attachment, .. })
                if file_name(&attachment) != name.trim_start_matches('.') =>
            {
                Err(self.damaged(name, "it is of another attachment"))
            }
            stored => Ok(stored.map(|stored| (stored.attachment, stored.value))),
        }
    }

    fn parse(&self, directory: &PrivateDir, name: &str) -> Result<Option<Stored<T>>, StoreError> {
        let Some(text) = directory.read(name, LARGEST)? else { return Ok(None) };
        json::parse(&text).map(Some).map_err(|error| self.damaged(name, error))
    }
}

fn file_name(attachment: &Attachment) -> String {
    file_stem(attachment) + SUFFIX
}

fn prepared_name(attachment: &Attachment) -> String {
    format!(".{}", file_name(attachment))
}
