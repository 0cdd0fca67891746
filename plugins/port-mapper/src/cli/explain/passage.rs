//! The routes of a connection's packets, as the kernel chooses them: to the container, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_netlink::Error;
use cni_netlink::link::Links;
use cni_netlink::neighbour::Neighbour;
use cni_netlink::route::{Query, Route, Routes};

use super::network::{Client, ask, forwards, link_that_is_down};
use super::way::Target;
use crate::family::Family;
use crate::host::other_users::number_of;

/// The way from the host to the container, and that of the answers.
#[derive(Debug)]
pub(super) struct Way {
    /// The route to the container.
    pub(super) route: Option<Route>,
    /// The interface to the container.
    pub(super) output: Option<String>,
    /// The interface of its subnet, if it is down and there is no route.
    pub(super) down: Option<String>,
    /// What is known of the next hop.
    pub(super) neighbour: Option<Neighbour>,
    /// Whether the kernel has a route to the container, and none for packets of the client.
    pub(super) is_refused: bool,
    /// The route of the answers.
    pub(super) answers: Answers,
    /// A mark of rules of policy routing by which packets would be routed otherwise.
    pub(super) mark: Option<u32>,
}

/// The route of answers that arrive from the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// It was not looked up: another step fails that it depends on, or the client is this host.
    Unknown,
    /// There is none, although there is one to the client.
    Refused,
    /// By this interface.
    By(String),
}

/// Returns an address that stands for all clients outside.
pub(super) fn anybody(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(198, 51, 100, 1).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    }
}

impl Way {
    /// Looks up the routes, and has the next hop asked for its hardware address.
    pub(super) fn read(target: &Target<'_>, client: Option<&Client>) -> Result<Self, Error> {
        let mut routes = Routes::open()?;
        let container = target.container;
        let general = delivering(&mut routes, &Query::to(container))?;
        let query = forth(target, client);
        let own = query.map(|query| delivering(&mut routes, &query)).transpose()?;
        let route = own.flatten().or(general);
        let interface = route.and_then(|route| route.interface);
        let output = interface.map(|index| Links::open()?.name(index)).transpose()?.flatten();
        let next_hop = route.and_then(|route| route.gateway).unwrap_or(container);
        let neighbour = interface.map(|index| ask(index, next_hop, container)).transpose()?;
        let back = interface.zip(output.as_deref());
        let back = back.and_then(|(index, name)| back_query(target, client, index, name));
        Ok(Self {
            down: if route.is_none() { link_that_is_down(container)? } else { None },
            is_refused: general.is_some() && own == Some(None),
            answers: answers(&mut routes, back)?,
            mark: mark(&mut routes, [query.or(Some(Query::to(container))), back])?,
            neighbour: neighbour.flatten(),
            route,
            output,
        })
    }
}

fn delivering(routes: &mut Routes, query: &Query) -> Result<Option<Route>, Error> {
    Ok(routes.lookup(query)?.filter(Route::delivers))
}

/// Returns the client's packet once it has been translated. `None` if nothing more is known of it,
/// or if the kernel refuses it for a reason that another step names.
fn forth(target: &Target<'_>, client: Option<&Client>) -> Option<Query> {
    let client = client?;
    let query = Query {
        source: Some(client.address).filter(|address| !address.is_loopback()),
        protocol: number_of(target.mapping.protocol),
        destination_port: target.container_port,
        ..Query::to(target.container)
    };
    if client.is_local {
        return Some(query);
    }
    let is_refused = client.is_input_down || client.back.is_none();
    let input = client.input.as_deref().filter(|_| !is_refused)?;
    forwards(target.family, input).then_some(Query { input: client.input_index, ..query })
}

/// Returns the first answer as it arrives from the container.
fn back_query(
    target: &Target<'_>,
    client: Option<&Client>,
    interface: u32,
    name: &str,
) -> Option<Query> {
    let is_asked = client.is_none_or(|one| !one.is_local && one.back.is_some());
    (is_asked && forwards(target.family, name)).then(|| Query {
        source: Some(target.container),
        input: Some(interface),
        protocol: number_of(target.mapping.protocol),
        source_port: target.container_port,
        ..Query::to(client.map_or(anybody(target.family), |client| client.address))
    })
}

fn answers(routes: &mut Routes, back: Option<Query>) -> Result<Answers, Error> {
    let Some(back) = back else { return Ok(Answers::Unknown) };
    if delivering(routes, &Query::to(back.destination))?.is_none() {
        return Ok(Answers::Unknown);
    }
    let Some(route) = delivering(routes, &back)? else { return Ok(Answers::Refused) };
    let name = route.interface.map(|index| Links::open()?.name(index)).transpose()?.flatten();
    Ok(name.map_or(Answers::Unknown, Answers::By))
}

/// Returns a mark by which one of the packets would be routed otherwise.
fn mark(routes: &mut Routes, packets: [Option<Query>; 2]) -> Result<Option<u32>, Error> {
    for packet in packets.into_iter().flatten() {
        let usual = routes.lookup(&packet)?;
        for mark in routes.marks(packet.destination)? {
            if routes.lookup(&Query { mark, ..packet })? != usual {
                return Ok(Some(mark));
            }
        }
    }
    Ok(None)
}
