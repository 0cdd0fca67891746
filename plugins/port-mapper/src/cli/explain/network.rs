//! The routes, links and settings of the host on a packet's way.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use cni_netlink::Error;
use cni_netlink::address::{Addresses, LinkAddress};
use cni_netlink::link::{Link, Links};
use cni_netlink::neighbour::{Neighbour, NeighbourState, Neighbours};
use cni_netlink::route::{Route, Routes};

use super::packet::contains;
use crate::claim::Cidr;
use crate::family::Family;

/// How long a neighbour may take to answer: the kernel asks three times, once a second.
const PATIENCE: Duration = Duration::from_millis(3500);
/// The same if it has answered once: the kernel waits for another five seconds before it asks.
const PATIENCE_WITH_OLD: Duration = Duration::from_secs(9);

/// What is known of the client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) address: IpAddr,
    /// The interface by which its packets arrive.
    pub(super) input: Option<String>,
    /// The index of that interface.
    pub(super) input_index: Option<u32>,
    /// Whether that interface is down.
    pub(super) is_input_down: bool,
    /// Whether it is this host.
    pub(super) is_local: bool,
    /// The interface by which the host answers.
    pub(super) back: Option<String>,
}

impl Client {
    /// Looks up a client, whose packets arrive by `input` if that is known.
    pub(super) fn read(address: IpAddr, input: Option<String>) -> Result<Self, Error> {
        let mut routes = Routes::open()?;
        let route = routes.to(address)?.filter(Route::delivers);
        let mut links = Links::with_socket_of(routes);
        let back = link(&mut links, route.and_then(|route| route.interface))?;
        let is_local = route.is_some_and(|route| route.is_local());
        let input = match input {
            Some(input) => links.by_name(&input)?,
            // A client on a link's own subnet sends by it, wherever the host's routes lead.
            None => link(&mut links, link_of(&Addresses::open()?.list()?, address))?
                .or_else(|| back.clone()),
        };
        Ok(Self {
            address,
            input_index: input.as_ref().map(|link| link.index),
            is_input_down: !is_local && input.as_ref().is_some_and(|link| !link.is_up),
            input: input.map(|link| link.name),
            is_local,
            back: back.map(|link| link.name),
        })
    }
}

impl Client {
    /// Reports whether the kernel drops its packets of IPv4 because of their address, or why that is
    /// unknown.
    pub(super) fn is_taken_for_forged(&self) -> Result<bool, String> {
        let name = self.input.as_deref().unwrap_or("all");
        let values = ["all", name].map(|one| setting(&format!("ipv4/conf/{one}/rp_filter")));
        is_taken_for_forged(self, values)
    }

    /// Returns the addresses of the interface by which its packets arrive, if it is on one of its
    /// subnets.
    pub(super) fn near(&self) -> Vec<IpAddr> {
        let all = Addresses::open().and_then(|mut all| all.list()).unwrap_or_default();
        let is_near = self.input_index.is_some() && link_of(&all, self.address) == self.input_index;
        let near = all.iter().filter(|one| is_near && Some(one.interface) == self.input_index);
        near.map(|one| one.address).collect()
    }
}

/// Decides that from the settings: the values of rp_filter for all interfaces and for the client's; the larger one
/// counts.
fn is_taken_for_forged(client: &Client, settings: [Option<String>; 2]) -> Result<bool, String> {
    const STRICT: u8 = 1;
    let Some(input) = &client.input else {
        return Err(format!("the interface of {} is unknown", client.address));
    };
    let numbers = settings.map(|setting| setting.and_then(|text| text.parse::<u8>().ok()));
    let [Some(all), Some(its)] = numbers else {
        return Err(format!("the setting of {input} can't be read"));
    };
    // Without a route the step of the answers fails.
    Ok(all.max(its) == STRICT && client.back.as_ref().is_some_and(|back| back != input))
}

fn link(links: &mut Links, index: Option<u32>) -> Result<Option<Link>, Error> {
    Ok(index.map(|index| links.by_index(index)).transpose()?.flatten())
}

/// Returns the link on whose subnet an address is, the smallest subnet first.
fn link_of(addresses: &[LinkAddress], address: IpAddr) -> Option<u32> {
    let covers = |one: &&LinkAddress| {
        let subnet = Cidr::new(one.address, one.prefix_length);
        subnet.and_then(|subnet| contains(subnet, address)) == Some(true)
    };
    addresses.iter().filter(covers).max_by_key(|one| one.prefix_length).map(|one| one.interface)
}

/// Returns the link of this host on whose subnet an address is, if that is down.
pub(super) fn link_that_is_down(address: IpAddr) -> Result<Option<String>, Error> {
    let index = link_of(&Addresses::open()?.list()?, address);
    Ok(link(&mut Links::open()?, index)?.filter(|link| !link.is_up).map(|link| link.name))
}

/// Has the container asked for its hardware address if it is not known, and waits for its answer.
/// An old answer proves nothing about a container that has ended since.
pub(super) fn ask(
    interface: u32,
    next_hop: IpAddr,
    container: IpAddr,
) -> Result<Option<Neighbour>, Error> {
    const INTERVAL: Duration = Duration::from_millis(10);
    let mut neighbours = Neighbours::open()?;
    let mut found = neighbours.find(interface, next_hop)?;
    let is = |found: Option<Neighbour>, state| found.is_some_and(|one| one.state == state);
    if is(found, NeighbourState::Known) {
        return Ok(found);
    }
    let is_asked = neighbours.solicit(interface, next_hop).is_ok() || send(container).is_ok();
    let started = Instant::now();
    let is_old = is(found, NeighbourState::Old);
    let is_probed = !is_old || neighbours.probe(interface, next_hop).is_ok();
    let patience = if is_probed { PATIENCE } else { PATIENCE_WITH_OLD };
    while is_asked && started.elapsed() < patience {
        found = neighbours.find(interface, next_hop)?;
        if is(found, NeighbourState::Known) || is(found, NeighbourState::Failed) {
            break;
        }
        thread::sleep(INTERVAL);
    }
    Ok(found)
}

/// Sends an empty datagram to an address. It needs no capability.
fn send(address: IpAddr) -> std::io::Result<usize> {
    /// The service that discards what it receives.
    const DISCARD: u16 = 9;
    let any: IpAddr = match address {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.send_to(&[], (address, DISCARD)))
}

/// Reads a setting below /proc/sys/net.
pub(in crate::cli) fn setting(path: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/sys/net/{path}")).ok()?;
    Some(text.trim().to_owned())
}

/// Returns the setting that forwards packets of a family, with its value.
pub(in crate::cli) fn forwarding(family: Family) -> (&'static str, Option<String>) {
    let (path, name) = match family {
        Family::V4 => ("ipv4/ip_forward", "net.ipv4.ip_forward"),
        Family::V6 => ("ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding"),
    };
    (name, setting(path))
}

/// Reports whether an interface forwards what it receives. Only IPv4 has a setting for each.
pub(super) fn forwards(family: Family, interface: &str) -> bool {
    let own = || setting(&format!("ipv4/conf/{interface}/forwarding"));
    family == Family::V6 || own().as_deref() != Some("0")
}

/// Reports whether an address is this host's.
pub(super) fn is_of_host(address: IpAddr) -> bool {
    Routes::open().and_then(|mut routes| routes.is_local(address)).unwrap_or(false)
}
