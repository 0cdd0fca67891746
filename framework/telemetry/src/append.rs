//! Lines of JSON appended to a file that many processes write to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde_json::Value;

use crate::lock::lock;

/// Appends a line with a single write, so that lines of several processes are never interleaved.
///
/// # Errors
///
/// The file can't be opened, or the disk is full.
pub(crate) async fn append(path: &Path, line: &Value) -> io::Result<()> {
    // A named pipe without a reader must not block the call.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
    let mut file = options.open(path)?;
    // A line that a full disk has cut off must not spoil this one. Without the lock, a line that is
    // being written would look the same.
    let lock = lock(file.try_clone()?).await.unwrap_or(None);
    let begin = if lock.is_some() && is_cut_off(&file) { "\n" } else { "" };
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

/// Reports whether the file ends in the middle of a line.
fn is_cut_off(file: &File) -> bool {
    let mut last = [b'\n'];
    match file.metadata() {
        Ok(meta) if meta.is_file() && meta.len() > 0 => {
            file.read_exact_at(&mut last, meta.len() - 1).is_ok() && last != *b"\n"
        }
        _ => false,
    }
}
