//! The routes, links and settings of the host on a packet's way.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use cni_netlink::Error;
use cni_netlink::address::{Addresses, LinkAddress};
use cni_netlink::link::Links;
use cni_netlink::neighbour::{NeighbourState, Neighbours};
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
    /// Whether it is this host.
    pub(super) is_local: bool,
    /// The interface by which the host answers.
    pub(super) back: Option<String>,
}

/// The way from the host to the container.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) route: Option<Route>,
    /// The interface to the container.
    pub(super) output: Option<String>,
    /// The state of the next hop, if it was asked.
    pub(super) neighbour: Option<NeighbourState>,
}

impl Client {
    /// Looks up a client, whose packets arrive by `input` if that is known.
    pub(super) fn read(address: IpAddr, input: Option<String>) -> Result<Self, Error> {
        let mut routes = Routes::open()?;
        let route = routes.to(address)?.filter(Route::delivers);
        let mut links = Links::with_socket_of(routes);
        let mut name = |index: Option<u32>| -> Result<Option<String>, Error> {
            let link = index.map(|index| links.by_index(index)).transpose()?.flatten();
            Ok(link.map(|link| link.name))
        };
        let back = name(route.and_then(|route| route.interface))?;
        let is_local = route.is_some_and(|route| route.is_local());
        let input = match input {
            Some(input) => Some(input),
            // A client on a link's own subnet sends by it, wherever the host's routes lead.
            None => name(link_of(&Addresses::open()?.list()?, address))?.or_else(|| back.clone()),
        };
        Ok(Self { address, input, is_local, back })
    }
}

/// Returns the link on whose subnet an address is, the smallest subnet first.
fn link_of(addresses: &[LinkAddress], address: IpAddr) -> Option<u32> {
    let covers = |one: &&LinkAddress| {
        let subnet = Cidr::new(one.address, one.prefix_length);
        subnet.and_then(|subnet| contains(subnet, address)) == Some(true)
    };
    addresses.iter().filter(covers).max_by_key(|one| one.prefix_length).map(|one| one.interface)
}

impl Way {
    /// Looks up the route, and asks the next hop for its hardware address.
    pub(super) fn read(container: IpAddr) -> Result<Self, Error> {
        let route = Routes::open()?.to(container)?.filter(Route::delivers);
        let interface = route.and_then(|route| route.interface);
        let link = interface.map(|index| Links::open()?.by_index(index)).transpose()?.flatten();
        let next_hop = route.and_then(|route| route.gateway).unwrap_or(container);
        let neighbour = match interface {
            Some(interface) => ask(interface, next_hop, container)?,
            None => None,
        };
        Ok(Self { route, output: link.map(|link| link.name), neighbour })
    }
}

/// Sends a packet to the container if the neighbour is not known, and waits for its answer. An old
/// answer proves nothing about a container that has ended since.
fn ask(
    interface: u32,
    next_hop: IpAddr,
    container: IpAddr,
) -> Result<Option<NeighbourState>, Error> {
    /// The service that discards what it receives.
    const DISCARD: u16 = 9;
    const INTERVAL: Duration = Duration::from_millis(10);
    let mut neighbours = Neighbours::open()?;
    let mut state = neighbours.state(interface, next_hop)?;
    if state == Some(NeighbourState::Known) {
        return Ok(state);
    }
    let any: IpAddr = match container {
        IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let sent =
        UdpSocket::bind((any, 0)).and_then(|socket| socket.send_to(&[], (container, DISCARD)));
    let started = Instant::now();
    let is_old = state == Some(NeighbourState::Old);
    let is_asked = !is_old || neighbours.probe(interface, next_hop).is_ok();
    let patience = if is_asked { PATIENCE } else { PATIENCE_WITH_OLD };
    while sent.is_ok() && started.elapsed() < patience {
        state = neighbours.state(interface, next_hop)?;
        if matches!(state, Some(NeighbourState::Known | NeighbourState::Failed)) {
            break;
        }
        thread::sleep(INTERVAL);
    }
    Ok(state)
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
