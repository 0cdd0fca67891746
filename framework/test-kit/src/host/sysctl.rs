//! Detects writes to the sysctls of network namespaces.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::inotify;
use rustix::io::Errno;

const TOP: &str = "/proc/sys/net";

/// A network namespace of a host: a container's by its name, or the host's own.
type Owner = Option<String>;

/// Watches the sysctls of a host's network namespaces below `/proc/sys/net`, except those of links
/// that are added later.
#[derive(Debug)]
pub(crate) struct SysctlWatch {
    writes: OwnedFd,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    owners: HashMap<i32, Owner>,
    written: HashSet<Owner>,
    /// Set once the kernel has lost events, so that any sysctl may have been written.
    overflowed: bool,
}

impl SysctlWatch {
    /// Returns a watch without namespaces.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        Ok(Self { writes: inotify::init(flags)?, seen: Mutex::default() })
    }

    /// Adds the namespace of this thread, which is new and belongs to `owner`.
    pub(crate) fn add(&self, owner: &Owner) -> io::Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in directories() {
            let watch = inotify::add_watch(&self.writes, directory, inotify::WatchFlags::MODIFY)?;
            seen.owners.insert(watch, owner.clone());
        }
        seen.written.remove(owner);
        Ok(())
    }

    /// Reports whether a sysctl of this owner was written since the last call.
    pub(crate) fn were_written(&self, owner: &Owner) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.writes, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => match seen.owners.get(&event.wd()).cloned() {
                    Some(owner) => drop(seen.written.insert(owner)),
                    None => {
                        seen.overflowed |=
                            event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW)
                    }
                },
                Err(Errno::AGAIN) => break,
                Err(_) => seen.overflowed = true,
            }
            if seen.overflowed {
                return true;
            }
        }
        seen.written.remove(owner)
    }
}

/// Returns the values of all sysctls of this thread's namespace. Those that can't be read are
/// empty.
pub(crate) fn values() -> Vec<(PathBuf, Vec<u8>)> {
    let entries = directories().into_iter().filter_map(|one| fs::read_dir(one).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path()).filter(|path| !path.is_dir());
    paths.map(|path| (path.clone(), fs::read(path).unwrap_or_default())).collect()
}

/// Returns [`TOP`] and the directories below it, in this thread's namespace: they differ with its
/// links.
fn directories() -> Vec<PathBuf> {
    let mut directories = vec![PathBuf::from(TOP)];
    let mut next = 0;
    while let Some(directory) = directories.get(next).cloned() {
        directories.extend(below(&directory));
        next += 1;
    }
    directories
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).collect()
}
