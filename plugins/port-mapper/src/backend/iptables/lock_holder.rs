//! Who holds the lock that iptables takes, as the kernel reports it. The holders of this lock do
//! not record themselves.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The file of the kernel's list of locks, one line each.
const LOCKS: &str = "/proc/locks";

/// Returns the process that holds the lock on a file.
///
/// `None` if the lock is free, the file does not exist, or the holder is in a process namespace
/// that this process does not see.
pub(super) fn holder(file: &Path) -> Option<u32> {
    let identity = identity(file)?;
    find_holder(&fs::read_to_string(LOCKS).ok()?, &identity)
}

/// Reports whether a process has opened the file and does not hold its lock: it waits for it.
pub(super) fn waits(process: u32, file: &Path) -> bool {
    let Some(identity) = file_identity(file) else { return false };
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let mut opened = descriptors.filter_map(|descriptor| file_identity(&descriptor.path()));
    opened.any(|opened| opened == identity) && holder(file) != Some(process)
}

/// Returns how the kernel's list identifies a file: the numbers of its device and its inode.
fn identity(file: &Path) -> Option<String> {
    let (device, inode) = file_identity(file)?;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    Some(format!("{major:02x}:{minor:02x}:{inode}"))
}

fn file_identity(file: &Path) -> Option<(u64, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Finds the holder in lines such as `1: FLOCK  ADVISORY  WRITE 4711 00:19:555 0 EOF`. Those of
/// processes that wait have an arrow after the number.
fn find_holder(locks: &str, identity: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_held = words.next()? == "FLOCK";
        let process = words.nth(2)?.parse().ok()?;
        (is_held && words.next()? == identity).then_some(process)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use cni_test_kit::TempDir;
    use rustix::fs::{FlockOperation, flock};

    use super::*;

    #[test]
    fn the_holder_is_found_among_other_locks_and_waiting_processes() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 00:19:555 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 8 00:1a:555 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 9 00:19:555 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 10 00:19:555 0 EOF\n";
        assert_eq!(find_holder(locks, "00:19:555"), Some(9));
        assert_eq!(find_holder(locks, "00:19:556"), None);
        assert_eq!(find_holder("\nnonsense\n1: -> FLOCK\n", "00:19:555"), None);
    }

    #[test]
    fn the_kernel_reports_a_real_lock_on_a_real_file() {
        let place = TempDir::new();
        let path = place.path().join("lock");
        let file = File::create(&path).unwrap();
        let own = std::process::id();
        assert!(holder(&path).is_none() && waits(own, &path), "it is open and free");
        flock(&file, FlockOperation::LockExclusive).unwrap();
        assert_eq!(holder(&path), Some(own));
        assert!(!waits(own, &path));
        drop(file);
        assert_eq!((holder(&path), waits(own, &path)), (None, false));
        assert_eq!(holder(Path::new("/nonexistent")), None);
    }
}
