//! Resets a host to an earlier state, so that it can be reused. Creating a host, and even more
//! removing it, costs the kernel more than most calls of a plugin.

use std::collections::HashSet;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cni_netlink::link::Links;

use crate::host::sysctl::{self, SysctlWatch};
use crate::host::{Container, Host};
use crate::sandbox::netns::Netns;
use crate::snapshot::kernel_state::{KernelState, kernel_state};
use crate::snapshot::{files, firewall};

/// The link group by which links are deleted.
const GROUP: u32 = 0x636e_6900;

/// How many containers of a host are kept at most: each is examined after each use of the host.
const KEPT: usize = 3;

/// The state of a [`Host`] to which [`Host::reset`] returns it.
#[derive(Debug)]
pub struct Baseline {
    network: Network,
    sysctls: Vec<(PathBuf, Vec<u8>)>,
    watch: Arc<SysctlWatch>,
    files: Vec<String>,
    mounts: Vec<String>,
}

/// The network of one namespace.
#[derive(Debug)]
struct Network(KernelState);

/// A [`Container`] that can be reused as long as it has not changed.
#[derive(Debug)]
pub struct ReusableContainer {
    container: Container,
    watched: Option<(Network, Arc<SysctlWatch>)>,
}

impl ReusableContainer {
    /// Wraps a new container, which can be reused while its state is the present one. Without a
    /// baseline it is never reused.
    pub fn new(container: Container, baseline: Option<&Baseline>) -> Self {
        let watched = baseline.and_then(|baseline| {
            let network = Network::of(&container, &baseline.watch)?;
            Some((network, baseline.watch.clone()))
        });
        Self { container, watched }
    }

    /// Removes links that were added, and reports whether the container is otherwise unchanged.
    fn reset(&self) -> bool {
        let netns: &Netns = &self.container;
        self.watched.as_ref().is_some_and(|(network, watch)| {
            network.reset(netns) && !firewall::has_rules(netns) && !watch.were_written(&netns.name)
        })
    }
}

impl Deref for ReusableContainer {
    type Target = Container;
    fn deref(&self) -> &Container {
        &self.container
    }
}

impl Network {
    /// Reads the state of a namespace. Returns `None` if only processes can enter it.
    fn of(netns: &Netns, watch: &SysctlWatch) -> Option<Self> {
        let read = || {
            watch.add(&netns.name).ok()?;
            kernel_state()
        };
        netns.within(read)?.map(Self)
    }

    /// Removes links that were added, and reports whether the rest is unchanged.
    fn reset(&self, netns: &Netns) -> bool {
        let reset = || {
            let found = kernel_state()?;
            let added: Vec<u32> = found.links.difference(&self.0.links).copied().collect();
            if added.is_empty() {
                return Some(found);
            }
            Links::open().ok()?.delete_all(&added, GROUP).ok()?;
            kernel_state()
        };
        netns.within_network(reset).flatten().is_some_and(|state| state.bytes == self.0.bytes)
    }
}

impl Host {
    /// Returns the present state, to which [`Host::reset`] can return the host.
    ///
    /// Returns `None` if that is impossible: the host is in a user namespace, or has firewall rules
    /// or processes.
    pub fn baseline(&self) -> Option<Baseline> {
        if firewall::has_rules(self) || !self.processes().is_empty() {
            return None;
        }
        let watch = Arc::new(SysctlWatch::new().ok()?);
        Some(Baseline {
            network: Network::of(self, &watch)?,
            sysctls: self.within(sysctl::values)?,
            watch,
            files: files::files(self),
            mounts: self.mounts(),
        })
    }

    /// Removes what was added to the host since its baseline: links, firewall rules of nftables and
    /// of iptables' nft variant, files, and containers that have changed.
    ///
    /// Returns the containers that can be reused, or `None` if the host can't be reused because
    /// something else has changed.
    pub fn reset(
        &self,
        baseline: &Baseline,
        containers: Vec<ReusableContainer>,
    ) -> Option<Vec<ReusableContainer>> {
        if !self.processes().is_empty() {
            return None;
        }
        // Mounts before files, so that no files inside a plugin's mount are removed. The host's
        // links before the containers, since that removes the other ends of veths too.
        let network = &baseline.network;
        if self.mounts() != baseline.mounts || !network.reset(self) {
            return None;
        }
        let (mut kept, mut others): (Vec<_>, Vec<_>) =
            containers.into_iter().partition(|container| container.reset());
        others.extend(kept.split_off(kept.len().min(KEPT)));
        for container in &others {
            self.remove_netns(container.name())?;
        }
        // Links again, since deleting a container may have deleted a link of the host.
        let is_unchanged = network.reset(self)
            && firewall::clear_rules(self)
            && self.has_only(&kept)
            && self.remove_new_files(baseline)
            && files::files(self) == baseline.files
            && (!baseline.watch.were_written(&None)
                || self.within(sysctl::values).as_ref() == Some(&baseline.sysctls));
        is_unchanged.then_some(kept)
    }

    /// Removes a named network namespace; the kernel frees it some time later.
    fn remove_netns(&self, name: &str) -> Option<()> {
        let path = format!("/run/netns/{name}");
        let remove = || {
            let detach = rustix::mount::UnmountFlags::DETACH;
            // A plugin or test may have removed it already.
            let _ = rustix::mount::unmount(&path, detach);
            let _ = fs::remove_file(&path);
            !Path::new(&path).exists()
        };
        self.within(remove).filter(|removed| *removed).map(drop)
    }

    /// Reports whether these are the only named network namespaces.
    fn has_only(&self, containers: &[ReusableContainer]) -> bool {
        let known: HashSet<&str> = containers.iter().map(|one| one.name()).collect();
        let directory = self.outside(Path::new("/run/netns"));
        let names = fs::read_dir(directory).into_iter().flatten().flatten();
        names
            .into_iter()
            .all(|name| name.file_name().to_str().is_some_and(|one| known.contains(one)))
    }

    /// Returns the mounts, except for named network namespaces.
    fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", self.pid()));
        let mounts = mounts.unwrap_or_default();
        mounts.lines().filter(|line| !line.contains(" /run/netns/")).map(str::to_owned).collect()
    }

    /// Removes new files in the host's own directories.
    fn remove_new_files(&self, baseline: &Baseline) -> bool {
        let kept: HashSet<&str> = baseline.files.iter().filter_map(|line| path_of(line)).collect();
        let keeps = |path: &Path| {
            path.starts_with("/run/netns") || path.to_str().is_some_and(|path| kept.contains(path))
        };
        let own = self.sandbox.mounts().own_directories();
        own.iter().all(|directory| self.remove_new_files_in(Path::new(directory), &keeps))
    }

    fn remove_new_files_in(&self, directory: &Path, keeps: &dyn Fn(&Path) -> bool) -> bool {
        let outside = self.outside(directory);
        for entry in fs::read_dir(&outside).into_iter().flatten().flatten() {
            let path = directory.join(entry.file_name());
            // Bind mounts belong to the machine.
            if self.sandbox.mounts().needed().any(|item| item.path() == path) {
                continue;
            }
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = match (is_directory, keeps(&path)) {
                (true, true) => self.remove_new_files_in(&path, keeps),
                (true, false) => {
                    self.remove_new_files_in(&path, keeps) && fs::remove_dir(entry.path()).is_ok()
                }
                (false, true) => true,
                (false, false) => fs::remove_file(entry.path()).is_ok(),
            };
            if !removed {
                return false;
            }
        }
        true
    }

    /// Returns the path by which this process reaches a path of the host.
    fn outside(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// Returns the path in a line of [`files::files`]: `PATH d MODE` or `PATH f MODE SIZE bytes`.
fn path_of(line: &str) -> Option<&str> {
    let fields = if line.ends_with(" bytes") { 4 } else { 2 };
    line.rsplitn(fields + 1, ' ').nth(fields)
}
