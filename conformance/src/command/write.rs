//! Files that are there as a whole, or as they were before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes beside the file and renames, so that no reader ever sees half of it. What is no regular file, such as
/// `/dev/stdout`, is written to as it is.
pub(super) fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // Behind a symbolic link it is the file that is replaced, not the link.
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return File::options().write(true).open(path)?.write_all(text.as_bytes());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::write(&part, text).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // It may not have come into being; the first error is the one to tell.
        let _ = fs::remove_file(&part);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    /// A directory that is removed when it is dropped.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let name = format!("conformance-write-{test}-{}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            fs::create_dir_all(&directory).unwrap();
            Self(directory)
        }

        fn entries(&self) -> usize {
            fs::read_dir(&self.0).unwrap().count()
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            // What can't be removed must not fail a test.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = Directory::new("replaced");
        let (file, link) = (directory.0.join("report"), directory.0.join("link"));
        write_whole(&file, "old").unwrap();
        let reader = File::open(&file).unwrap();
        symlink(&file, &link).unwrap();
        write_whole(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(io::read_to_string(reader).unwrap(), "old", "whoever reads it has it whole");
        assert!(link.is_symlink());
        assert_eq!(directory.entries(), 2);
    }

    #[test]
    fn a_device_stays_a_device() {
        write_whole(Path::new("/dev/null"), "text").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_directory_is_not_written_over() {
        let directory = Directory::new("kept");
        assert!(write_whole(&directory.0, "text").is_err());
        assert_eq!(directory.entries(), 0);
    }
}
