//! What identifies the network namespace of a container, beyond the path that leads to it.
//!
//! A path says little: it can lead to another namespace after its name was used again, and to
//! nothing at all in a mount namespace other than the runtime's.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Stat, StatxFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

/// Files of the kernel that are read here are shorter.
const READ_AT_ONCE: usize = 4096;
const LARGEST: u64 = 1 << 20;

/// Magic number of the file system that namespaces are files of (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;
/// Magic number of `/proc` (`PROC_SUPER_MAGIC`), wherever it is mounted.
const PROC: i64 = 0x9fa0;
/// The most links that the kernel follows.
const MAX_LINKS: usize = 40;
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
    /// When the inode was created, in seconds and nanoseconds. Only a path at which the namespace
    /// is mounted shows this: the inode exists as long as it is mounted.
    Created(i64, i64),
    /// The process whose `/proc` directory contains the file, which has an inode only while it is
    /// looked at; and the time when the process started, in clock ticks since the boot.
    Process {
        /// The process id.
        id: u32,
        /// The start time.
        started: u64,
    },
    /// It is unknown: the path is a link to neither, or leads through the files of a process.
    Unknown,
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
pub(crate) enum Place {
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
    /// Returns the inode number of the namespace, if it leads to one.
    pub(crate) fn inode(&self) -> Option<u64> {
        match self {
            Self::Namespace(file) => Some(file.inode),
            Self::Nothing | Self::Unknown => None,
        }
    }

    /// Follows a path.
    pub(crate) fn of(path: &Path) -> Self {
        match file_system(path) {
            Some(NSFS) => match NamespaceFile::of(path) {
                Ok(file) => Self::Namespace(file),
                Err(Errno::NOENT | Errno::NOTDIR | Errno::SRCH) => Self::Nothing,
                Err(_) => Self::Unknown,
            },
            // That belongs to the mount namespace of the process, and is out of sight when it ends.
            _ if matches!(End::of(path), End::InProcess) => Self::Unknown,
            Some(_) => Self::Nothing,
            // Without permission to look, the namespace may exist.
            None if fs::exists(path).unwrap_or(true) => Self::Unknown,
            None => Self::Nothing,
        }
    }
}

impl NamespaceFile {
    /// Reads what a path leads to: a namespace, unless it or its process has ended since.
    #[allow(
        clippy::cast_lossless,
        clippy::unnecessary_cast,
        reason = "the types of the fields differ between architectures"
    )]
    fn of(path: &Path) -> Result<Self, Errno> {
        let itself = rustix::fs::lstat(path)?;
        let is_link = FileType::from_raw_mode(itself.st_mode) == FileType::Symlink;
        let stat: Stat = if is_link { rustix::fs::stat(path)? } else { itself };
        let since = match is_link {
            true => match End::of(path) {
                End::InProc(directory) => process_of(&directory)?,
                End::InProcess | End::Other => Since::Unknown,
            },
            false if crosses_a_process(path) => Since::Unknown,
            false => Since::Created(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        };
        Ok(Self { device: stat.st_dev as u64, inode: stat.st_ino as u64, since })
    }

    /// Returns whether both have the same inode. Of two namespaces that exist, only one has it.
    pub(crate) fn is_at_inode_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Reports whether it may be the same namespace, seen at whichever path.
    pub fn may_be(&self, other: &Self) -> bool {
        self.is_at_inode_of(other) && !self.since.contradicts(&other.since)
    }

    /// Reports whether a path that leads to this file now, and led to `former` before, proves that
    /// the former one no longer exists.
    pub(crate) fn replaces(&self, former: &Self) -> bool {
        match (&self.since, &former.since) {
            (Since::Created(..), Since::Created(..)) => self != former,
            (now, before) => now.contradicts(before),
        }
    }
}

impl Since {
    /// Reports whether two namespace files with the same inode number are different, one after the
    /// other. Two processes may be in the same namespace, unless one has the id of the other.
    fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Created(..), Self::Created(..)) => self != other,
            (Self::Process { id, started }, Self::Process { id: other, started: before }) => {
                id == other && started != before
            }
            _ => false,
        }
    }
}

impl MountNamespace {
    /// Returns the mount namespace of this process, or `None` if `/proc` is not mounted.
    pub(crate) fn current() -> Option<Self> {
        let inode = rustix::fs::stat(OWN_MOUNT_NAMESPACE).ok()?.st_ino;
        Some(Self { inode, root: unique_mount_id("/") })
    }
}

fn unique_mount_id(path: &str) -> Option<u64> {
    let wanted = StatxFlags::from_bits_retain(STATX_MNT_ID_UNIQUE);
    let found = rustix::fs::statx(CWD, path, AtFlags::empty(), wanted).ok()?;
    (found.stx_mask & STATX_MNT_ID_UNIQUE != 0).then_some(found.stx_mnt_id)
}

/// Returns the content of a short file of the kernel, without asking for its length first.
fn read_small(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = Vec::with_capacity(READ_AT_ONCE);
    fs::File::open(path)?.take(LARGEST).read_to_end(&mut text)?;
    String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Returns the id of the current boot.
pub(crate) fn boot_id() -> Option<String> {
    read_small(BOOT_ID).ok().map(|id| id.trim().to_owned())
}

/// Returns the magic number of the file system that a path leads to.
#[allow(
    clippy::cast_lossless,
    clippy::unnecessary_cast,
    reason = "the type of the field differs between architectures"
)]
fn file_system(path: &Path) -> Option<i64> {
    rustix::fs::statfs(path).ok().map(|stat| stat.f_type as i64)
}

/// Where the links of a path lead to.
enum End {
    /// To a link in this directory of `/proc`, such as `/proc/7/ns`, wherever it is mounted.
    InProc(PathBuf),
    /// Through the root or working directory of a process.
    InProcess,
    /// To anything else.
    Other,
}

impl End {
    fn of(path: &Path) -> Self {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if crosses_a_process(&path) {
                return Self::InProcess;
            }
            let Some(parent) = path.parent() else { break };
            if file_system(parent) == Some(PROC) {
                return Self::InProc(parent.to_owned());
            }
            let Ok(target) = fs::read_link(&path) else { break };
            path = parent.join(target);
        }
        Self::Other
    }
}

/// Returns the process, or the thread, of a directory such as `/proc/7/ns`. This process itself is
/// unknown, since a path such as `/proc/self/ns/net` leads to each process that looks.
///
/// # Errors
///
/// It can't be read, perhaps because the process has just ended.
fn process_of(directory: &Path) -> Result<Since, Errno> {
    let line = read_small(directory.join("../stat"))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let is_self =
        |name: Component| ["self", "thread-self"].iter().any(|own| name.as_os_str() == *own);
    Ok(match parse_status(&line) {
        Some((id, started)) if id != std::process::id() && !directory.components().any(is_self) => {
            Since::Process { id, started }
        }
        _ => Since::Unknown,
    })
}

/// Returns the id and the start time in a status line of a process. The time is the 22nd field, the
/// 20th after the name, which can contain anything.
fn parse_status(line: &str) -> Option<(u32, u64)> {
    let id = line.split_ascii_whitespace().next()?.parse().ok()?;
    let started = line.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some((id, started))
}

/// Reports whether a path leads through the root or working directory of a process, as
/// `/proc/7/root/run/netns/c1` does.
fn crosses_a_process(path: &Path) -> bool {
    path.ancestors().any(|directory| {
        let is_root = directory.ends_with("root") || directory.ends_with("cwd");
        is_root && directory.parent().is_some_and(is_process)
    })
}

/// Reports whether a directory is that of a process, whether or not that still exists.
fn is_process(directory: &Path) -> bool {
    let is_number = |name: &OsStr| name.to_str().is_some_and(|id| id.parse::<u32>().is_ok());
    directory.file_name().is_some_and(is_number)
        && directory.parent().and_then(file_system) == Some(PROC)
}

#[cfg(test)]
mod tests {
    use cni_test_kit::TempDir;

    use super::*;

    fn since(path: &str) -> Since {
        NamespaceId::of(Path::new(path)).unwrap().file.since
    }

    #[test]
    fn the_process_of_a_path_is_recognised_unless_it_is_the_one_that_looks() {
        let parent = std::os::unix::process::parent_id();
        for path in
            [format!("/proc/{parent}/ns/net"), format!("/proc/{parent}/task/{parent}/ns/net")]
        {
            let expected = |since: &Since| {
                matches!(since, Since::Process { id, started }
                if *id == parent && *started > 0)
            };
            assert!(expected(&since(&path)), "{path}: {:?}", since(&path));
        }
        let own = format!("/proc/{}/ns/net", std::process::id());
        for path in ["/proc/self/ns/net", "/proc/thread-self/ns/net", &own] {
            assert_eq!(since(path), Since::Unknown, "{path}");
        }
    }

    #[test]
    fn a_link_leads_to_the_process_that_its_target_leads_to() {
        let parent = std::os::unix::process::parent_id();
        let directory = TempDir::new();
        let link = |name: &str, target: &str| {
            let path = directory.path().join(name);
            std::os::unix::fs::symlink(target, &path).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let expected = since(&format!("/proc/{parent}/ns/net"));
        let first = link("first", &format!("/proc/{parent}/ns/net"));
        let second = link("second", "first");
        let of_directory = link("ns", &format!("/proc/{parent}/ns")) + "/net";
        for path in [first, second, of_directory] {
            assert_eq!(since(&path), expected, "{path}");
        }
        assert_eq!(since(&link("own", "/proc/self/ns/net")), Since::Unknown);
        let through = link("through", "/proc/self/root/proc/self/ns/net");
        assert_eq!(since(&through), Since::Unknown);
        let dead = |target: &str| Place::of(Path::new(&link("dead", target)));
        assert_eq!(dead(&format!("/proc/{}/ns/net", u32::MAX)), Place::Nothing);
        std::fs::remove_file(directory.path().join("dead")).unwrap();
        assert_eq!(dead(&format!("/proc/{}/root/c1", u32::MAX)), Place::Unknown);
    }

    #[test]
    fn the_root_of_a_process_that_has_ended_proves_nothing() {
        let never = u32::MAX;
        let place = |path: String| Place::of(Path::new(&path));
        assert_eq!(place(format!("/proc/{never}/root/run/netns/c1")), Place::Unknown);
        // After unmounting, a plain file is left.
        let parent = std::os::unix::process::parent_id();
        assert_eq!(place(format!("/proc/{parent}/root/etc/passwd")), Place::Unknown);
        for other in [format!("/proc/{never}/ns/net"), format!("/run/{never}/root/netns/c1")] {
            assert_eq!(place(other), Place::Nothing);
        }
    }

    #[test]
    fn a_namespace_is_recognised_again_and_a_plain_file_is_none() {
        let parent = format!("/proc/{}/ns/net", std::os::unix::process::parent_id());
        let id = NamespaceId::of(Path::new(&parent)).unwrap();
        assert_eq!(NamespaceId::of(Path::new(&parent)), Some(id.clone()));
        let unknown = NamespaceId {
            file: NamespaceFile { since: Since::Unknown, ..id.file.clone() },
            ..id.clone()
        };
        for id in [id, unknown] {
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<NamespaceId>(&json).unwrap(), id, "{json}");
        }
        assert_eq!(NamespaceId::of(Path::new("/proc/self/stat")), None);
        assert_eq!(NamespaceId::of(Path::new("/proc/self/nothing")), None);
    }
}
