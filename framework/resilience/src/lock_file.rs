//! Files whose locks end with the process that holds them.

use std::fs::File;

use cni_wrapper::{FileError, PrivateDir};
use rustix::io::FdFlags;

/// Opens a file to be locked. Children do not inherit it: one that outlives a killed plugin, such
/// as a daemon or a program that hangs, would keep the lock.
///
/// # Errors
///
/// It can't be opened.
pub(crate) fn lock_file(directory: &PrivateDir, name: &str) -> Result<File, FileError> {
    let file = directory.lock_file(name)?;
    let _ = rustix::io::fcntl_setfd(&file, FdFlags::CLOEXEC);
    Ok(file)
}
