//! Observes and decides the steps on the container's side.

use std::io;
use std::path::Path;

use cni_netlink::link::{Link, Links};

use super::connection::is_bridged;
use super::filters::Filters;
use super::inside::Inside;
use super::network::{Client, is_of_host, setting};
use super::passage::{Way, anybody};
use super::step::Step;
use super::way::Target;
use super::{answers, filters, flows, namespace, reach, service};
use crate::backend::Backends;
use crate::family::Family;
use crate::mappings::Protocol;

/// Returns them. `is_marked`: whether the firewall may mark packets.
pub(super) fn steps(
    target: &Target<'_>,
    client: Option<&Client>,
    way: Way,
    is_marked: bool,
) -> Vec<Step> {
    let answered = client.map_or(anybody(target.family), |client| client.address);
    let inside = Inside::read(target, answered);
    let inside = inside.as_ref().map_err(|error| unseen(&target.netns, error));
    let port = host_end(target, inside.as_ref().ok().and_then(|inside| inside.link.as_ref()));
    let is_bridged = is_bridged(target, client, &way);
    // The step about rp_filter names it.
    let is_forged =
        client.is_some_and(|one| !one.is_local && one.is_taken_for_forged() == Ok(true));
    let is_refused = way.is_refused && !(is_forged && target.family == Family::V4);
    let way = Way { is_refused, ..way };
    let mut steps = vec![
        reach::route(target, client, &way, is_marked),
        reach::neighbour(target, &way, inside.clone(), port.as_ref()),
    ];
    let translates = bridged_packets_are_translated(target.family);
    steps.extend(reach::hairpin(target, client, translates, port.as_ref()));
    steps.push(service::service(target, inside.clone()));
    if target.mapping.protocol != Protocol::Tcp {
        let stale = flows::stale(target, client.map(|client| client.address));
        steps.push(flows::flows(target, stale));
    }
    steps.push(answers::answers(target, client, &way, inside, is_of_host, is_bridged));
    steps
}

/// Observes and decides whether the container's own rules let the packets pass.
pub(super) fn firewall(backends: &Backends, target: &Target<'_>, filters: &Filters<'_>) -> Step {
    let netns = &target.netns;
    match namespace::firewall(netns, target.family, backends.lock_timeout()) {
        Ok(firewall) => Filters { firewall: &firewall, ..*filters }.container(netns),
        Err(error) => filters::unknown_container(unseen(netns, &error)),
    }
}

/// Returns the message about a network namespace that can't be entered.
fn unseen(netns: &str, error: &io::Error) -> String {
    format!("the container's network namespace {netns:?} can't be entered: {error}")
}

/// Returns the host's end of the container's link, if that is a veth.
fn host_end(target: &Target<'_>, link: Option<&Link>) -> Option<Link> {
    let all = Links::open().ok()?.veths_into(Path::new(&target.netns)).ok()?;
    let index = link?.peer?;
    all.into_iter().find(|one| one.index == index)
}

fn bridged_packets_are_translated(family: Family) -> bool {
    let path = match family {
        Family::V4 => "bridge/bridge-nf-call-iptables",
        Family::V6 => "bridge/bridge-nf-call-ip6tables",
    };
    setting(path).as_deref() == Some("1")
}
