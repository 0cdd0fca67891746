//! Connects a container to its host, as an interface plugin does.

use std::fmt::Write;
use std::fs::File;
use std::net::IpAddr;

use cni_netlink::address::Addresses;
use cni_netlink::link::{Links, VethEnd};
use cni_netlink::route::Routes;

use crate::host::{Container, Host};

/// A veth pair between a host and a container.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VethPair {
    /// Name and hardware address of the host's end.
    pub host_end: (String, [u8; 6]),
    /// Name and hardware address of the container's end.
    pub container_end: (String, [u8; 6]),
    /// The addresses of the container's end with their prefix lengths. The host has a route to
    /// each.
    pub addresses: Vec<(IpAddr, u8)>,
}

impl Host {
    /// Connects a container by a veth pair whose ends are up.
    ///
    /// # Panics
    /// If the kernel refuses it, for example because a name is in use.
    pub fn connect(&self, container: &Container, veth: &VethPair) {
        let path = container.netns();
        let done = self.within(|| veth.connect_host(&path)).and_then(|host| {
            let container = container.within(|| veth.connect_container())?;
            Some(host.and(container))
        });
        match done {
            Some(done) => {
                done.unwrap_or_else(|error| panic!("{}: {error}", container.name()));
            }
            None => {
                self.batch(&veth.host_commands(container.name()));
                container.batch(&veth.container_commands());
            }
        }
    }
}

impl VethPair {
    /// Describes a pair by the name and hardware address of each end, and the container's
    /// addresses.
    pub fn new(
        host_end: (String, [u8; 6]),
        container_end: (String, [u8; 6]),
        addresses: Vec<(IpAddr, u8)>,
    ) -> Self {
        Self { host_end, container_end, addresses }
    }

    fn connect_host(&self, netns: &str) -> Result<(), cni_netlink::Error> {
        let ends =
            [&self.host_end, &self.container_end].map(|(name, mac)| VethEnd::new(name, *mac));
        let netns = File::open(netns).unwrap_or_else(|error| panic!("can't open {netns}: {error}"));
        let mut links = Links::open()?;
        links.add_veth(&ends[0], &ends[1], &netns)?;
        let index = links.by_name(&self.host_end.0)?.map_or(0, |link| link.index);
        links.set_up(index)?;
        let mut routes = Routes::open()?;
        let all_bits = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
        self.addresses.iter().try_for_each(|(one, _)| routes.add(*one, all_bits(one), index))
    }

    fn connect_container(&self) -> Result<(), cni_netlink::Error> {
        let mut links = Links::open()?;
        let index = links.by_name(&self.container_end.0)?.map_or(0, |link| link.index);
        let mut addresses = Addresses::open()?;
        self.addresses.iter().try_for_each(|(one, length)| addresses.add(index, *one, *length))?;
        links.set_up(index)
    }

    /// Returns the same as `ip -batch` commands, for hosts that only processes can enter.
    fn host_commands(&self, netns: &str) -> String {
        let [(host, mac), (name, peer)] = [&self.host_end, &self.container_end];
        let (mac, peer) = (text(mac), text(peer));
        let mut commands = format!(
            "link add {host} address {mac} type veth \
             peer name {name} address {peer} netns {netns}\n\
             link set {host} up\n"
        );
        for (address, _) in &self.addresses {
            let _ = writeln!(commands, "route add {address} dev {host}");
        }
        commands
    }

    fn container_commands(&self) -> String {
        let name = &self.container_end.0;
        let mut commands = String::new();
        for (address, length) in &self.addresses {
            let without_detection = if address.is_ipv4() { "" } else { " nodad" };
            let _ =
                writeln!(commands, "address add {address}/{length} dev {name}{without_detection}");
        }
        commands + &format!("link set {name} up\n")
    }
}

fn text(mac: &[u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
