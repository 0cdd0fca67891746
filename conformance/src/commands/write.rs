//! Files that are replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes to a temporary file next to the target and renames it, so that no reader ever sees a part
/// of the text. Special files such as `/dev/stdout` are written to directly.
pub(super) fn write_atomically(path: &Path, text: &str) -> io::Result<()> {
    // The target of a symbolic link is replaced, not the link.
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return File::options().write(true).open(path)?.write_all(text.as_bytes());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // It may not exist; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use cni_test_kit::TempDir;

    use super::*;

    fn entries(directory: &TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_and_no_temporary_file_is_left() {
        let directory = TempDir::new();
        let [file, link] = ["report", "link"].map(|name| directory.path().join(name));
        write_atomically(&file, "old").unwrap();
        let reader = File::open(&file).unwrap();
        symlink(&file, &link).unwrap();
        write_atomically(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(io::read_to_string(reader).unwrap(), "old", "a reader sees all of one text");
        assert!(link.is_symlink());
        assert_eq!(entries(&directory), 2);
    }

    #[test]
    fn a_device_stays_a_device() {
        write_atomically(Path::new("/dev/null"), "text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_directory_is_not_overwritten() {
        let directory = TempDir::new();
        assert!(write_atomically(directory.path(), "text").is_err());
        assert_eq!(entries(&directory), 0);
    }
}
