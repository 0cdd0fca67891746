//! Lines of JSON appended to a file that many processes write to.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde_json::Value;

use crate::lock;

/// The mode of a file with calls: they may contain secrets that were not recognized.
const MODE: u32 = 0o600;

/// Appends a line with a single write, so that lines of several processes are never interleaved.
///
/// An existing file that other users may open becomes private first.
///
/// # Errors
///
/// The file can't be opened or made private, or the disk is full.
pub(crate) async fn append(path: &Path, line: &Value) -> io::Result<()> {
    // A named pipe without a reader must not block the call.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(MODE).custom_flags(flags);
    let mut file = options.open(path)?;
    // A line that a full disk has cut off must not spoil this one. Without the lock, a line that is
    // being written would look the same.
    let lock = lock::to_append(file.try_clone()?).await.unwrap_or(None);
    let meta = file.metadata()?;
    make_private(path, &file, &meta)?;
    let begin = if lock.is_some() && is_cut_off(&file, &meta) { "\n" } else { "" };
    let text = format!("{begin}{line}\n");
    let written = file.write(text.as_bytes())?;
    if written < text.len() {
        let why = format!(
            "only {written} of {} bytes could be written; the disk may be full",
            text.len()
        );
        return Err(io::Error::new(io::ErrorKind::WriteZero, why));
    }
    Ok(())
}

/// Takes the permissions of all users but the owner from a file.
///
/// Only a file that is certainly meant is changed: a link may lead to a file of the system.
fn make_private(path: &Path, file: &File, meta: &Metadata) -> io::Result<()> {
    let mode = meta.mode() & 0o7777;
    // A device or a pipe does not keep what is written.
    if !meta.is_file() || mode & 0o077 == 0 {
        return Ok(());
    }
    let at_path = fs::symlink_metadata(path)?;
    let problem = if (at_path.dev(), at_path.ino()) != (meta.dev(), meta.ino()) {
        "it is a symbolic link"
    } else if meta.nlink() > 1 {
        "it has other names (hard links)"
    } else if meta.uid() != geteuid().as_raw() {
        "it belongs to another user"
    } else {
        return file.set_permissions(Permissions::from_mode(MODE));
    };
    let why = format!(
        "its mode {mode:04o} lets other users open it, and it is not changed because {problem}; \
         remove it or set its mode to {MODE:04o}"
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Reports whether the file ends in the middle of a line.
fn is_cut_off(file: &File, meta: &Metadata) -> bool {
    let mut last = [b'\n'];
    let has_end = meta.is_file() && meta.len() > 0;
    has_end && file.read_exact_at(&mut last, meta.len() - 1).is_ok() && last != *b"\n"
}
