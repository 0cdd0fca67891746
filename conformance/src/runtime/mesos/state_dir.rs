//! The state of the isolator on disk, from which it recovers after a restart.
//!
//! ```text
//! ROOT/CONTAINER/ns                                   the network namespace's handle
//! ROOT/CONTAINER/NETWORK/network.conf                 the input of the plugin
//! ROOT/CONTAINER/NETWORK/INTERFACE/network.info       its output on ADD
//! ```

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::runtime::runner::Site;

/// The directory with the state of all containers.
#[derive(Clone, Debug)]
pub(super) struct StateDir {
    root: PathBuf,
    site: Site,
}

impl StateDir {
    pub(super) fn new(root: impl Into<PathBuf>, site: Site) -> Self {
        Self { root: root.into(), site }
    }

    pub(super) fn container(&self, id: &str) -> PathBuf {
        self.root.join(id)
    }

    /// Returns the path of the handle of a container's namespace.
    pub(super) fn handle(&self, id: &str) -> PathBuf {
        self.container(id).join("ns")
    }

    /// Returns the path of the input of a plugin.
    pub(super) fn config(&self, id: &str, network: &str) -> PathBuf {
        self.container(id).join(network).join("network.conf")
    }

    pub(super) fn interface(&self, id: &str, network: &str, ifname: &str) -> PathBuf {
        self.container(id).join(network).join(ifname)
    }

    pub(super) fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let path = self.site.outside(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    }

    /// Does the same with a file that only its owner may read.
    pub(super) fn write_private(&self, path: &Path, text: &str) -> io::Result<()> {
        self.write(path, text)?;
        fs::set_permissions(self.site.outside(path), Permissions::from_mode(0o600))
    }

    /// Reports whether a file exists, of whatever kind.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.site.outside(path).symlink_metadata().is_ok()
    }

    pub(super) fn read(&self, path: &Path) -> io::Result<String> {
        fs::read_to_string(self.site.outside(path))
    }

    pub(super) fn create(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(self.site.outside(path))
    }

    /// Removes a directory and everything in it, if it exists.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(self.site.outside(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Returns the sorted names of the directories in a directory.
    pub(super) fn directories(&self, path: &Path) -> Vec<String> {
        let entries = fs::read_dir(self.site.outside(path)).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.path().is_dir());
        let mut names: Vec<_> =
            directories.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    pub(super) fn containers(&self) -> Vec<String> {
        self.directories(&self.root)
    }

    /// Whether a path is a network namespace: whether it is on the file system of namespaces.
    pub(super) fn is_namespace(&self, path: &Path) -> bool {
        let device = |path: PathBuf| fs::metadata(path).ok().map(|found| found.dev());
        let namespaces = device(PathBuf::from("/proc/self/ns/net"));
        namespaces.is_some() && device(self.site.outside(path)) == namespaces
    }
}
