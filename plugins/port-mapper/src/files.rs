//! Reads and writes small files and directories with few system calls.
//!
//! The functions of `std::fs` are meant for files of any length: they ask for the length and for
//! the end, and the C library allocates memory for each directory.

use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, RawDir, mkdir, open};
use rustix::io::{Errno, read, retry_on_intr, write};

/// Few files and directories that are read here are longer.
const BUFFER: usize = 4096;

/// Returns the content of a file of the kernel, such as those below `/proc/sys`.
///
/// # Errors
///
/// It can't be opened or read, or is not UTF-8.
pub(crate) fn read_small(path: impl AsRef<Path>) -> io::Result<String> {
    let file = open_to_read(path.as_ref(), OFlags::empty())?;
    let (mut text, mut buffer) = (Vec::new(), [0; BUFFER]);
    loop {
        let count = retry_on_intr(|| read(&file, &mut buffer))?;
        text.extend_from_slice(&buffer[..count]);
        if count < BUFFER {
            return String::from_utf8(text)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
}

/// Returns the names of all entries of a directory, in no particular order.
///
/// # Errors
///
/// It can't be opened or read.
pub(crate) fn names_in(directory: &Path) -> io::Result<Vec<OsString>> {
    let directory = open_to_read(directory, OFlags::DIRECTORY)?;
    let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
    let mut entries = RawDir::new(directory, &mut buffer);
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(OsString::from_vec(name));
        }
    }
    Ok(names)
}

/// Replaces the content of a file, which is created with mode 0600 if `flags` say so.
///
/// # Errors
///
/// It can't be opened or written.
pub(crate) fn write_small(path: &Path, flags: OFlags, text: &str) -> io::Result<()> {
    let flags = flags | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = retry_on_intr(|| open(path, flags, Mode::RUSR | Mode::WUSR))?;
    match retry_on_intr(|| write(&file, text.as_bytes()))? {
        count if count < text.len() => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(()),
    }
}

/// Creates a directory with mode 0700, together with its parents, unless it exists.
///
/// # Errors
///
/// It can't be created.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    let create = || match mkdir(path, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        created => created,
    };
    match (create(), path.parent()) {
        (Err(Errno::NOENT), Some(parent)) => {
            create_directory(parent)?;
            Ok(create()?)
        }
        (created, _) => Ok(created?),
    }
}

fn open_to_read(path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(retry_on_intr(|| open(path, flags, Mode::empty()))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cni_test_kit::TempDir;

    use super::*;

    #[test]
    fn a_file_is_read_whole_whatever_its_length() {
        let directory = TempDir::new();
        let path = directory.path().join("file");
        for length in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
            let text = "x".repeat(length);
            write_small(&path, OFlags::CREATE | OFlags::TRUNC, &text).unwrap();
            assert_eq!(read_small(&path).unwrap(), text, "{length}");
        }
        let missing = read_small(directory.path().join("nothing")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn all_names_of_a_long_directory_are_returned() {
        let directory = TempDir::new();
        assert!(names_in(directory.path()).unwrap().is_empty());
        for number in 0..BUFFER / 8 {
            fs::write(directory.path().join(format!("file-{number}")), "").unwrap();
        }
        let mut names = names_in(directory.path()).unwrap();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUFFER / 8);
    }

    #[test]
    fn a_directory_is_created_with_its_parents_and_may_exist() {
        let directory = TempDir::new();
        let path = directory.path().join("a/b/c");
        create_directory(&path).unwrap();
        create_directory(&path).unwrap();
        assert!(path.is_dir());
        fs::write(path.join("file"), "").unwrap();
        assert!(create_directory(&path.join("file/d")).is_err());
    }
}
