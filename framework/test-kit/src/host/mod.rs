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
use crate::sandbox::init::{Sandbox, View};
use crate::sandbox::netns::Netns;

/// A throw-away host: its own network, mount and process namespaces, with its own `/run`,
/// `/var/lib/cni`, `/sys` and `/proc`; the rest of the file system is the machine's.
///
/// The link `lo` is up, IPv4 and IPv6 are forwarded, bridged packets don't pass iptables, and an IPv6
/// address is usable at once (no duplicate address detection). Works as root, and for other users by way of a user
/// namespace.
///
/// When it is dropped, or when the test ends in any other way (SIGKILL too), everything inside is
/// gone: processes, links, rules, files.
#[derive(Debug)]
pub struct Host {
    netns: Netns,
}

impl Host {
    /// Makes a host.
    ///
    /// # Panics
    /// When this machine does not allow it; the message says what is missing and what to do.
    #[expect(clippy::new_without_default, reason = "it starts a process and can fail")]
    pub fn new() -> Self {
        Self::of(Sandbox::start(&View { own_tmp: false, visible: own_programs() }))
    }

    /// Makes a host with a `/tmp` of its own, which its snapshots include. What is `visible` is there
    /// all the same, such as the directory of the plugin under test.
    ///
    /// # Panics
    /// As [`Host::new`].
    pub fn with_private_tmp(visible: BindMounts) -> Self {
        Self::of(Sandbox::start(&View { own_tmp: true, visible }))
    }

    /// Makes a host in a user namespace, as an ordinary user gets it, also when root asks.
    ///
    /// # Panics
    /// As [`Host::new`].
    pub fn in_user_namespace() -> Self {
        let view = View { own_tmp: false, visible: own_programs() };
        Self::of(Sandbox::start_in_user_namespace(&view))
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

    /// The id, outside, of the process that keeps the host alive.
    pub fn pid(&self) -> u32 {
        self.netns.sandbox.pid()
    }

    /// Makes a container: a named network namespace with `lo` up and nothing else.
    /// It stays until [`Container::delete`] or the end of the host.
    ///
    /// # Panics
    /// When the name is taken or unfit for a file.
    pub fn container(&self, name: &str) -> Container {
        let sandbox = &self.netns.sandbox;
        let netns = Netns { sandbox: sandbox.clone(), name: Some(name.to_owned()) };
        sandbox.rules.forget(name);
        match sandbox.within_new(name, make_ready) {
            Some(Ok(made)) => made.unwrap_or_else(|problem| panic!("{name}: {problem}")),
            Some(Err(error)) => panic!("can't make the network namespace {name}: {error}"),
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

    /// Makes a neighbour: another machine on a cable (a veth pair) to this host. On the host's side
    /// the link bears the neighbour's name (15 bytes at most) and `host_address`; on the other side
    /// it is `eth0` with `address`, and the default route leads to the host. Addresses have a prefix
    /// length, IPv4 or IPv6.
    ///
    /// # Panics
    /// When the name or an address is refused.
    pub fn neighbour(&self, name: &str, host_address: &str, address: &str) -> Neighbour {
        let netns = self.container(name).netns;
        self.run(&format!("ip link add {name} type veth peer name eth0 netns {name}"));
        self.run(&format!("ip link set {name} up"));
        netns.run("ip link set eth0 up");
        let neighbour =
            Neighbour { netns, host: self.netns.clone(), address: bare(address).to_owned() };
        neighbour.with_addresses(host_address, address)
    }

    /// Whether packets that are bridged also pass iptables (`bridge-nf-call-iptables` and
    /// `bridge-nf-call-ip6tables`), as Docker and Kubernetes set it. Off at first.
    ///
    /// # Panics
    /// When it is to be switched on and the kernel's module br_netfilter is not loaded.
    pub fn bridge_netfilter(&self, on: bool) {
        for family in ["iptables", "ip6tables"] {
            let path = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
            let there = self.exists(&path);
            assert!(there || !on, "{path} is not there: run `modprobe br_netfilter` as root");
            if there {
                self.write(&path, if on { "1" } else { "0" });
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Containers may still hold a reference to the sandbox: end it by word, not by count.
        self.netns.sandbox.end();
    }
}

/// A container on a [`Host`]: a network namespace in `/run/netns`.
#[derive(Debug)]
pub struct Container {
    netns: Netns,
}

impl Container {
    /// The path of its network namespace, as `CNI_NETNS` names it: `/run/netns/NAME`.
    pub fn netns(&self) -> String {
        format!("/run/netns/{}", self.netns.name())
    }

    /// Removes the network namespace, as after a crash or reboot. Returns when the kernel has taken the veths that led
    /// into it from the host, which it does a moment later, or after half a minute, when a process keeps the namespace alive.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn delete(&self) {
        let host = Netns { sandbox: self.netns.sandbox.clone(), name: None };
        let name = self.netns.name();
        let mark = format!("link-netns {name} ");
        let links = || host.run("ip -oneline link show type veth");
        let leads_there = |line: &&str| format!("{line} ").contains(&mark);
        let index = |line: &str| line.split(':').next().map(|index| format!("{index}:"));
        let before = links();
        let ends: Vec<String> = before.lines().filter(leads_there).filter_map(index).collect();
        host.run(&format!("ip netns delete {name}"));
        let deadline = Instant::now() + Duration::from_secs(30);
        let left = |now: &str| now.lines().any(|line| ends.iter().any(|end| line.starts_with(end)));
        while !ends.is_empty() && left(&links()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Another machine beside a [`Host`], on a cable to it.
#[derive(Debug)]
pub struct Neighbour {
    netns: Netns,
    host: Netns,
    address: String,
}

impl Neighbour {
    /// Its first address, without the prefix length.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Adds another pair of addresses, such as IPv6 ones, with a default route for their family.
    ///
    /// # Panics
    /// When an address is refused.
    pub fn with_addresses(self, host_address: &str, address: &str) -> Self {
        let (family, dad) = if address.contains(':') { ("-6", "nodad") } else { ("-4", "") };
        self.host.run(&format!("ip address add {host_address} dev {} {dad}", self.netns.name()));
        self.netns.run(&format!("ip address add {address} dev eth0 {dad}"));
        self.netns.run(&format!("ip {family} route replace default via {}", bare(host_address)));
        self
    }
}

/// Makes a new network namespace what a container's should be: `lo` up, addresses usable at once.
fn make_ready() -> Result<(), String> {
    lo_up()?;
    for which in ["all", "default"] {
        let file = format!("/proc/sys/net/ipv6/conf/{which}/accept_dad");
        if Path::new(&file).exists() {
            fs::write(&file, "0").map_err(|error| format!("can't write {file}: {error}"))?;
        }
    }
    Ok(())
}

/// The directory of the programs that cargo built for this test, wherever the build directory is.
fn own_programs() -> BindMounts {
    let mut visible = BindMounts::default();
    // Where that directory can't be shown, starting a program says so.
    let _ = visible.directory(&output_directory());
    visible
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
