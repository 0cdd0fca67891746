//! Disposable hosts, their containers and their neighbours.

pub(crate) mod baseline;
mod sysctl;
pub(crate) mod veth_pair;

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cni_netlink::link::Links;

use crate::binary::output_directory;
use crate::sandbox::bind_mounts::BindMounts;
use crate::sandbox::init::Sandbox;
use crate::sandbox::mounts::Mounts;
use crate::sandbox::netns::Netns;

/// A disposable host: its own network, mount and process namespaces, with its own `/run`,
/// `/var/lib/cni`, `/sys` and `/proc`. The rest of the file system is the machine's.
///
/// The link `lo` is up, IPv4 and IPv6 are forwarded, bridged packets don't traverse iptables, and
/// an IPv6 address is usable immediately (no duplicate address detection). It works as root, and
/// for other users in a user namespace.
///
/// When it is dropped, or the test ends in any other way (SIGKILL included), everything inside is
/// removed: processes, links, rules and files.
#[derive(Debug)]
pub struct Host {
    netns: Netns,
}

impl Host {
    /// Creates a host.
    ///
    /// # Panics
    /// If this machine does not allow it; the message names what is missing and what to do.
    #[expect(clippy::new_without_default, reason = "it starts a process and can fail")]
    pub fn new() -> Self {
        Self::of(Sandbox::start(&Mounts { private_tmp: false, bind_mounts: own_programs() }))
    }

    /// Creates a host with a private `/tmp`, which its snapshots include.
    ///
    /// `bind_mounts` are visible on it, such as the directory of the plugin under test.
    ///
    /// # Panics
    /// As [`Host::new`].
    pub fn with_private_tmp(bind_mounts: BindMounts) -> Self {
        Self::of(Sandbox::start(&Mounts { private_tmp: true, bind_mounts }))
    }

    /// Creates a host in a user namespace, as for an ordinary user, even if root runs the test.
    ///
    /// # Panics
    /// As [`Host::new`].
    pub fn in_user_namespace() -> Self {
        let mounts = Mounts { private_tmp: false, bind_mounts: own_programs() };
        Self::of(Sandbox::start_in_user_namespace(&mounts))
    }

    fn of(sandbox: Result<Sandbox, String>) -> Self {
        let sandbox = sandbox.unwrap_or_else(|problem| panic!("{problem}"));
        let netns = Netns { sandbox: Arc::new(sandbox), name: None };
        match netns.sandbox.within(None, lo_up) {
            Some(Ok(set)) => set.unwrap_or_else(|problem| panic!("the host: {problem}")),
            _ => drop(netns.run("ip link set lo up")),
        }
        Self { netns }
    }

    /// Returns the id of the host's init process, in the process namespace of the test.
    pub fn pid(&self) -> u32 {
        self.netns.sandbox.pid()
    }

    /// Creates a container: a named network namespace in which only `lo` is up.
    ///
    /// It exists until [`Container::delete`] or the end of the host.
    ///
    /// # Panics
    /// If the name is in use or is not a valid file name.
    pub fn container(&self, name: &str) -> Container {
        let sandbox = &self.netns.sandbox;
        let netns = Netns { sandbox: sandbox.clone(), name: Some(name.to_owned()) };
        sandbox.rules.forget(name);
        match sandbox.within_new(name, configure_container) {
            Some(Ok(configured)) => {
                configured.unwrap_or_else(|problem| panic!("{name}: {problem}"))
            }
            Some(Err(error)) => panic!("can't create the network namespace {name}: {error}"),
            None => {
                self.netns.run(&format!("ip netns add {name}"));
                netns.sh("ip link set lo up
                     for which in all default; do
                         file=/proc/sys/net/ipv6/conf/$which/accept_dad
                         if [ -e $file ]; then echo 0 >$file; fi
                     done");
            }
        }
        Container { netns }
    }

    /// Creates a neighbour: another machine, connected to this host by a veth pair.
    ///
    /// On the host's side the link has the neighbour's name (at most 15 bytes) and `host_address`.
    /// On the other side it is `eth0` with `address`, and the default route is via the host.
    /// Addresses are IPv4 or IPv6 with a prefix length.
    ///
    /// # Panics
    /// If the kernel refuses the name or an address.
    pub fn neighbour(&self, name: &str, host_address: &str, address: &str) -> Neighbour {
        let netns = self.container(name).netns;
        self.run(&format!("ip link add {name} type veth peer name eth0 netns {name}"));
        self.run(&format!("ip link set {name} up"));
        netns.run("ip link set eth0 up");
        let neighbour =
            Neighbour { netns, host: self.netns.clone(), address: bare(address).to_owned() };
        neighbour.with_addresses(host_address, address)
    }

    /// Sets whether bridged packets also traverse iptables (`bridge-nf-call-iptables` and
    /// `bridge-nf-call-ip6tables`), as Docker and Kubernetes configure it. It is off by default.
    ///
    /// # Panics
    /// If it is to be enabled and the kernel module br_netfilter is not loaded.
    pub fn bridge_netfilter(&self, on: bool) {
        for family in ["iptables", "ip6tables"] {
            let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
            let exists = self.exists(&path);
            assert!(exists || !on, "{path} does not exist: run `modprobe br_netfilter` as root");
            if exists {
                self.write(&path, if on { "1" } else { "0" });
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Containers may still hold a reference to the sandbox, so it is ended explicitly.
        self.netns.sandbox.end();
    }
}

/// A container on a [`Host`]: a network namespace in `/run/netns`.
#[derive(Debug)]
pub struct Container {
    netns: Netns,
}

impl Container {
    /// Returns the path of its network namespace, as in `CNI_NETNS`: `/run/netns/NAME`.
    pub fn netns(&self) -> String {
        format!("/run/netns/{}", self.netns.name())
    }

    /// Removes the network namespace, as after a crash or a reboot.
    ///
    /// Returns once the kernel has removed the host ends of its veths, which it does with a delay,
    /// or after 30 seconds if a process keeps the namespace alive.
    ///
    /// # Panics
    /// If the namespace no longer exists.
    pub fn delete(&self) {
        let host = Netns { sandbox: self.netns.sandbox.clone(), name: None };
        let name = self.netns.name();
        let peer_netns = format!("link-netns {name} ");
        let links = || host.run("ip -oneline link show type veth");
        let is_host_end = |line: &&str| format!("{line} ").contains(&peer_netns);
        let index = |line: &str| line.split(':').next().map(|index| format!("{index}:"));
        let before = links();
        let ends: Vec<String> = before.lines().filter(is_host_end).filter_map(index).collect();
        host.run(&format!("ip netns delete {name}"));
        let deadline = Instant::now() + Duration::from_secs(30);
        let remain =
            |now: &str| now.lines().any(|line| ends.iter().any(|end| line.starts_with(end)));
        while !ends.is_empty() && remain(&links()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Another machine, connected to a [`Host`] by a veth pair.
#[derive(Debug)]
pub struct Neighbour {
    netns: Netns,
    host: Netns,
    address: String,
}

impl Neighbour {
    /// Returns its first address, without the prefix length.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Adds another pair of addresses, such as IPv6 ones, with a default route for their family.
    ///
    /// # Panics
    /// If the kernel refuses an address.
    pub fn with_addresses(self, host_address: &str, address: &str) -> Self {
        let (family, dad) = if address.contains(':') { ("-6", "nodad") } else { ("-4", "") };
        self.host.run(&format!("ip address add {host_address} dev {} {dad}", self.netns.name()));
        self.netns.run(&format!("ip address add {address} dev eth0 {dad}"));
        self.netns.run(&format!("ip {family} route replace default via {}", bare(host_address)));
        self
    }
}

/// Configures a container's new network namespace: `lo` up, no duplicate address detection.
fn configure_container() -> Result<(), String> {
    lo_up()?;
    for which in ["all", "default"] {
        let file = format!("/proc/sys/net/ipv6/conf/{which}/accept_dad");
        if Path::new(&file).exists() {
            fs::write(&file, "0").map_err(|error| format!("can't write {file}: {error}"))?;
        }
    }
    Ok(())
}

/// Returns the mount of the programs that cargo built for this test, wherever the build directory
/// is.
fn own_programs() -> BindMounts {
    let mut bind_mounts = BindMounts::default();
    // If that directory can't be mounted, starting a program reports it.
    let _ = bind_mounts.directory(&output_directory());
    bind_mounts
}

fn lo_up() -> Result<(), String> {
    const LO: u32 = 1;
    let up = Links::open().and_then(|mut links| links.set_up(LO));
    up.map_err(|error| error.to_string())
}

fn bare(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

impl Deref for Host {
    type Target = Netns;
    fn deref(&self) -> &Netns {
        &self.netns
    }
}

impl Deref for Container {
    type Target = Netns;
    fn deref(&self) -> &Netns {
        &self.netns
    }
}

impl Deref for Neighbour {
    type Target = Netns;
    fn deref(&self) -> &Netns {
        &self.netns
    }
}
