//! What ADD decided and DEL must know, a file for each attachment.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Attachment, Error, PrivateDir};

/// The most that is read of a note, in bytes: more than any configuration has.
const LARGEST: usize = 16 << 20;
const SUFFIX: &str = ".json";

/// Notes on attachments below a directory, which is opened when it is needed and made when something is written.
///
/// A runtime may call DEL with another configuration than ADD, in another process and after a crash: what must not change
/// in between is noted. The directory is a [`PrivateDir`]; below `/run` notes end with the machine's uptime, as attachments do.
/// A note that is lost or damaged must not keep a container from going away: DEL does without it.
///
/// ```
/// use cni_wrapper::{Attachment, Notes};
///
/// # let temporary = cni_test_kit::TempDir::new();
/// # let path = temporary.path().join("notes");
/// let notes = Notes::below(&path);
/// let attachment = Attachment { network: "mesos".into(), container_id: "c1".into(), ifname: "eth0".into() };
/// notes.write(&attachment, &"the blue one")?;
/// assert_eq!(notes.read(&attachment)?, Some("the blue one".to_owned()));
/// assert_eq!(notes.of_network::<String>("mesos")?, [(attachment.clone(), "the blue one".to_owned())]);
/// notes.remove(&attachment)?;
/// # Ok::<(), cni_wrapper::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Notes {
    path: PathBuf,
}

/// A file's content. The attachment stands in it, too, since its name has only a hash of it.
#[derive(Serialize, Deserialize)]
struct Noted<T> {
    attachment: Attachment,
    note: T,
}

impl Notes {
    /// Notes in files of this directory.
    pub fn below(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// What is noted of an attachment.
    ///
    /// # Errors
    ///
    /// The file can't be read (code 5), or does not hold what it should (6).
    pub fn read<T: DeserializeOwned>(&self, attachment: &Attachment) -> Result<Option<T>, Error> {
        let Some(directory) = PrivateDir::open_existing(&self.path)? else { return Ok(None) };
        match read::<T>(&directory, &file_name(attachment))? {
            Some(noted) if noted.attachment != *attachment => {
                Err(damaged(&directory, &file_name(attachment), "it is of another attachment"))
            }
            noted => Ok(noted.map(|noted| noted.note)),
        }
    }

    /// Notes this of an attachment, in place of what was noted before.
    ///
    /// # Errors
    ///
    /// The file can't be written (code 5); what was noted before still is.
    pub fn write<T: Serialize>(&self, attachment: &Attachment, note: &T) -> Result<(), Error> {
        let noted = Noted { attachment: attachment.clone(), note };
        let text = serde_json::to_vec(&noted)
            .map_err(|error| Error::decode("a note", error.to_string()))?;
        Ok(PrivateDir::open(&self.path)?.replace(&file_name(attachment), &text)?)
    }

    /// Forgets an attachment. One of which nothing is noted is fine.
    ///
    /// # Errors
    ///
    /// The file is there and can't be removed (code 5).
    pub fn remove(&self, attachment: &Attachment) -> Result<(), Error> {
        match PrivateDir::open_existing(&self.path)? {
            Some(directory) => Ok(directory.remove(&file_name(attachment))?),
            None => Ok(()),
        }
    }

    /// What is noted of all attachments of a network. Files that can't be used are passed over, with a warning on the log.
    ///
    /// # Errors
    ///
    /// The directory can't be read (code 5).
    pub fn of_network<T: DeserializeOwned>(
        &self,
        network: &str,
    ) -> Result<Vec<(Attachment, T)>, Error> {
        let Some(directory) = PrivateDir::open_existing(&self.path)? else { return Ok(Vec::new()) };
        let mut names = directory.names()?;
        names.retain(|name| name.ends_with(SUFFIX) && !name.starts_with('.'));
        names.sort_unstable();
        let noted = names.iter().filter_map(|name| {
            read::<T>(&directory, name).unwrap_or_else(|error| {
                log::warn!("{error}");
                None
            })
        });
        let of_network = noted.filter(|noted| noted.attachment.network == network);
        Ok(of_network.map(|noted| (noted.attachment, noted.note)).collect())
    }

    /// Where they are.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn file_name(attachment: &Attachment) -> String {
    attachment.file_name() + SUFFIX
}

fn read<T: DeserializeOwned>(
    directory: &PrivateDir,
    name: &str,
) -> Result<Option<Noted<T>>, Error> {
    let Some(text) = directory.read(name, LARGEST)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).map_err(|error| damaged(directory, name, error))
}

fn damaged(directory: &PrivateDir, name: &str, why: impl ToString) -> Error {
    let path = directory.path().join(name);
    Error::decode(format!("{}, which is damaged", path.display()), why)
}
