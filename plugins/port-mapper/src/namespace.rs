//! What identifies the network namespace of a container, beyond the path that leads to it.
//!
//! A path says little: it can lead to another namespace after its name was used again, and to
//! nothing at all in a mount namespace other than the runtime's.

use std::fs;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, Stat, StatxFlags};
use serde::{Deserialize, Serialize};

/// Magic number of the file system that namespaces are files of (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const OWN_MOUNT_NAMESPACE: &str = "/proc/self/ns/mnt";
/// Requests an id of a mount that the kernel never uses twice (since Linux 6.8).
const STATX_MNT_ID_UNIQUE: u32 = 0x4000;

/// A network namespace, as it was when a container was attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceId {
    /// The file of the namespace.
    pub file: NamespaceFile,
    /// The id of the boot: no namespace outlives it.
    pub boot_id: String,
    /// The mount namespace in which the path was seen.
    pub mount_namespace: MountNamespace,
}

/// The file of a namespace: its inode, and what distinguishes it from a later namespace with the
/// same inode number, which the kernel uses again at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceFile {
    /// The device of the file system.
    pub device: u64,
    /// The inode number.
    pub inode: u64,
    /// What else identifies it.
    pub since: Since,
}

/// Since when a namespace file exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// When the inode was created, in seconds and nanoseconds. It exists as long as it is mounted.
    Created(i64, i64),
    /// The process whose `/proc` directory contains the file, which has an inode only while it is
    /// looked at; and the time when the process started, in clock ticks since the boot.
    Process {
        /// The process id.
        id: u32,
        /// The start time.
        started: u64,
    },
}

/// A mount namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountNamespace {
    /// The inode number, which the kernel may use again.
    pub inode: u64,
    /// The id of the root mount, which it does not, if the kernel has such ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<u64>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A namespace.
    Namespace(NamespaceFile),
    /// Nothing, or a file that is no namespace: after unmounting one, the path is still there as a
    /// regular file.
    Nothing,
    /// It is not permitted to look.
    Unknown,
}

impl NamespaceId {
    /// Returns the identity of the namespace that a path leads to, or `None` if it leads to none or
    /// if this process can't see where it is itself.
    pub fn of(path: &Path) -> Option<Self> {
        match Place::of(path) {
            Place::Namespace(file) => {
                let mount_namespace = MountNamespace::current()?;
                Some(Self { file, boot_id: boot_id()?, mount_namespace })
            }
            _ => None,
        }
    }
}

impl Place {
    /// Follows a path.
    pub fn of(path: &Path) -> Self {
        let is_namespace = match rustix::fs::statfs(path) {
            #[allow(
                clippy::cast_lossless,
                clippy::unnecessary_cast,
                reason = "the type of the field differs between architectures"
            )]
            Ok(stat) => stat.f_type as i64 == NSFS,
            // Without permission to look, the namespace may exist.
            Err(_) if fs::exists(path).unwrap_or(true) => return Self::Unknown,
            Err(_) => false,
        };
        match rustix::fs::stat(path) {
            _ if !is_namespace => Self::Nothing,
            Ok(stat) => NamespaceFile::new(path, &stat).map_or(Self::Nothing, Self::Namespace),
            Err(_) => Self::Nothing,
        }
    }
}

impl NamespaceFile {
    /// Returns `None` if the path is that of a process which has just ended.
    #[allow(
        clippy::cast_lossless,
        clippy::unnecessary_cast,
        reason = "the types of the fields differ between architectures"
    )]
    fn new(path: &Path, stat: &Stat) -> Option<Self> {
        let since = match process_of(path) {
            None => Since::Created(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            Some(id) => Since::Process { id, started: start_time(id)? },
        };
        Some(Self { device: stat.st_dev as u64, inode: stat.st_ino as u64, since })
    }
}

impl MountNamespace {
    /// Returns the mount namespace of this process, or `None` if `/proc` is not mounted.
    pub fn current() -> Option<Self> {
        let inode = rustix::fs::stat(OWN_MOUNT_NAMESPACE).ok()?.st_ino;
        Some(Self { inode, root: unique_mount_id("/") })
    }
}

fn unique_mount_id(path: &str) -> Option<u64> {
    let wanted = StatxFlags::from_bits_retain(STATX_MNT_ID_UNIQUE);
    let found = rustix::fs::statx(CWD, path, AtFlags::empty(), wanted).ok()?;
    (found.stx_mask & STATX_MNT_ID_UNIQUE != 0).then_some(found.stx_mnt_id)
}

/// Returns the id of the current boot.
pub fn boot_id() -> Option<String> {
    fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned())
}

/// Returns the process of a path such as `/proc/7/ns/net`.
fn process_of(path: &Path) -> Option<u32> {
    match path.components().collect::<Vec<_>>().as_slice() {
        [Component::RootDir, Component::Normal(proc), Component::Normal(id), _, ..]
            if *proc == "proc" =>
        {
            id.to_str()?.parse().ok()
        }
        _ => None,
    }
}

/// Returns the start time of a process: the 22nd field of its status line, the 20th after the name,
/// which can contain anything.
fn start_time(process: u32) -> Option<u64> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    line.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_process_is_recognised() {
        let process = |path: &str| process_of(Path::new(path));
        assert_eq!(process("/proc/7/ns/net"), Some(7));
        assert_eq!(process("/proc/7/task/8/ns/net"), Some(7));
        for path in ["/proc/self/ns/net", "/run/netns/7", "/proc/7", "/proc/sys/x/7", "proc/7/ns"] {
            assert_eq!(process(path), None, "{path}");
        }
    }

    #[test]
    fn a_namespace_is_recognised_again_and_a_plain_file_is_none() {
        let own = format!("/proc/{}/ns/net", std::process::id());
        let id = NamespaceId::of(Path::new(&own)).unwrap();
        assert!(matches!(id.file.since, Since::Process { started, .. } if started > 0), "{id:?}");
        assert_eq!(NamespaceId::of(Path::new(&own)), Some(id.clone()));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<NamespaceId>(&json).unwrap(), id, "{json}");
        assert_eq!(NamespaceId::of(Path::new("/proc/self/stat")), None);
        assert_eq!(NamespaceId::of(Path::new("/proc/self/nothing")), None);
    }
}
