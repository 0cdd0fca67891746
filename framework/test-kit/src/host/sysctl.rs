//! Notices when a setting of a network namespace is written.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::inotify;
use rustix::io::Errno;

const TOP: &str = "/proc/sys/net";

/// The directories of settings that a new network namespace has: the same for all of them.
static DIRECTORIES: OnceLock<Vec<PathBuf>> = OnceLock::new();

/// A network namespace of a host: the host's own, or a container's by its name.
type Owner = Option<String>;

/// Writes to settings below `/proc/sys/net`, of a host's namespaces. Settings of links that are added
/// later are not among them.
#[derive(Debug)]
pub(crate) struct SysctlWatch {
    writes: OwnedFd,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    owners: HashMap<i32, Owner>,
    written: HashSet<Owner>,
    /// Set when the kernel can't say any more what was written.
    all: bool,
}

impl SysctlWatch {
    /// Watches nothing yet.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        Ok(Self { writes: inotify::init(flags)?, seen: Mutex::default() })
    }

    /// Watches the namespace of this thread, which is new and belongs to `owner`.
    pub(crate) fn add(&self, owner: &Owner) -> io::Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for directory in DIRECTORIES.get_or_init(directories) {
            let watch = inotify::add_watch(&self.writes, directory, inotify::WatchFlags::MODIFY)?;
            seen.owners.insert(watch, owner.clone());
        }
        seen.written.remove(owner);
        Ok(())
    }

    /// Whether a setting of this owner was written since this was last asked.
    pub(crate) fn were_written(&self, owner: &Owner) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.writes, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => match seen.owners.get(&event.wd()).cloned() {
                    Some(owner) => drop(seen.written.insert(owner)),
                    None => seen.all |= event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW),
                },
                Err(Errno::AGAIN) => break,
                Err(_) => seen.all = true,
            }
            if seen.all {
                return true;
            }
        }
        seen.written.remove(owner)
    }
}

/// The values of all settings of the namespace of this thread. Those that can't be read are empty.
pub(crate) fn values() -> Vec<(PathBuf, Vec<u8>)> {
    let entries =
        DIRECTORIES.get_or_init(directories).iter().filter_map(|one| fs::read_dir(one).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path()).filter(|path| !path.is_dir());
    paths.map(|path| (path.clone(), fs::read(path).unwrap_or_default())).collect()
}

/// [`TOP`] and the directories below it.
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
