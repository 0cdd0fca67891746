//! Lines of JSON at the end of a file that many processes write to.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Instant;

use cni_wrapper::FileLock;
use rustix::fs::OFlags;
use serde_json::Value;

use crate::PATIENCE;

/// Appends a line with one write, so that lines of several processes never mix.
///
/// # Errors
///
/// The file can't be opened, or the disk is full.
pub(crate) async fn append(path: &Path, line: &Value) -> io::Result<()> {
    // A pipe that nobody reads must not hold the call up.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
    let mut file = options.open(path)?;
    // What a full disk cut off must not spoil this line, too. Without the lock a line that is just being written would look so.
    let alone =
        FileLock::acquire(file.try_clone()?, Instant::now() + PATIENCE).await.unwrap_or(None);
    let begin = if alone.is_some() && is_cut_off(&file) { "\n" } else { "" };
    let text = format!("{begin}{line}\n");
    let written = file.write(text.as_bytes())?;
    if written < text.len() {
        let why = format!("{written} of {} bytes were written; is the disk full?", text.len());
        return Err(io::Error::new(io::ErrorKind::WriteZero, why));
    }
    Ok(())
}

fn is_cut_off(file: &File) -> bool {
    let mut last = [b'\n'];
    match file.metadata() {
        Ok(meta) if meta.is_file() && meta.len() > 0 => {
            file.read_exact_at(&mut last, meta.len() - 1).is_ok() && last != *b"\n"
        }
        _ => false,
    }
}
