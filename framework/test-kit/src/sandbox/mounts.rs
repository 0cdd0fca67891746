//! Which of the machine's files a sandbox sees.

use std::ffi::OsString;

use crate::sandbox::bind_mounts::{BindMounts, Item, TMP};

/// What a sandbox mounts over the machine's file system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mounts {
    /// Whether the sandbox has its own `/tmp`.
    pub(crate) private_tmp: bool,
    pub(crate) bind_mounts: BindMounts,
}

impl Mounts {
    /// Returns the directories whose files are the sandbox's own.
    pub(crate) fn own_directories(&self) -> Vec<&'static str> {
        let tmp = Some(TMP).filter(|_| self.private_tmp);
        ["/run", "/var/lib/cni"].into_iter().chain(tmp).collect()
    }

    /// Returns what must be bind-mounted because the sandbox hides the directory around it.
    pub(crate) fn needed(&self) -> impl Iterator<Item = &Item> {
        let is_hidden = |item: &&Item| self.private_tmp || !item.path().starts_with(TMP);
        self.bind_mounts.items.iter().filter(is_hidden)
    }

    /// Returns the same as arguments of the init script, three for each.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let argument = |item: &Item| match item {
            Item::Directory(path) => ["directory".into(), path.into(), "".into()],
            Item::File(path) => ["file".into(), path.into(), "".into()],
            Item::Link { at, to } => ["link".into(), at.into(), to.into()],
        };
        self.needed().flat_map(argument).collect()
    }
}
