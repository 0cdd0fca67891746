//! Files and directories that can't be used.

use std::{io, path::PathBuf};

/// A file or directory that can't be used. Code 5.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct FileError {
    /// The operation that failed, as in "read".
    pub action: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

/// A file of an [`AttachmentStore`](crate::AttachmentStore) that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file can't be read or written. Code 5.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file does not contain what it should. Code 6.
    #[error("{}, which is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        why: String,
    },
}
