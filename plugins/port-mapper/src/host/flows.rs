//! Removes stale UDP flows from the connection tracking table.
//!
//! A tracked flow keeps its translation while packets arrive, even if the rules have changed.
//!
//! Where the kernel offers no connection tracking over netlink (module nf_conntrack_netlink), or
//! forbids it, flows cannot be removed, now or by a repeated call. They end by themselves, so that
//! is a warning and no error.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use cni_netlink::conntrack::{self, Conntrack, Flow, IpFamily, UDP};
use cni_netlink::route::Routes;

use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::mappings::{Mapping, Protocol};

/// Removes flows to the claim's host ports that do not lead to its container. ADD needs this.
///
/// # Errors
///
/// The kernel rejects a request, and a repeated call may succeed.
pub fn remove_stale(claim: &Claim) -> Result<(), Error> {
    let mut routes = None;
    or_warn(remove(claim, |mapping, container, flow| {
        Ok(!leads_to(mapping, container, flow) && is_to_this_host(&mut routes, mapping, flow)?)
    }))
}

/// Removes flows that the claim's mappings led to its container. DEL needs this.
///
/// # Errors
///
/// The kernel rejects a request, and a repeated call may succeed.
pub fn remove_own(claim: &Claim) -> Result<(), Error> {
    or_warn(remove(claim, |mapping, container, flow| Ok(leads_to(mapping, container, flow))))
}

fn or_warn(removed: Result<(), Error>) -> Result<(), Error> {
    match removed {
        Err(Error::Netlink(error)) if conntrack::is_unavailable(&error) => {
            log::warn!(
                "a UDP client whose packets arrived before is not served correctly until it has \
                 been silent for some minutes: {error}"
            );
            Ok(())
        }
        other => other,
    }
}

/// Lists the table once for each family that has UDP mappings, and removes matching flows.
fn remove(
    claim: &Claim,
    mut matches: impl FnMut(&Mapping, IpAddr, &Flow) -> Result<bool, Error>,
) -> Result<(), Error> {
    for family in claim.families() {
        let Some(container) = claim.address(family).map(|cidr| cidr.address) else { continue };
        let mappings: Vec<&Mapping> = udp(claim, family).collect();
        if mappings.is_empty() {
            continue;
        }
        let ports: Vec<_> = mappings.iter().map(|mapping| host_ports(mapping)).collect();
        let by_port = by_port(&mappings);
        let mut conntrack = Conntrack::open()?;
        for flow in conntrack.flows_where(flow_family(family), UDP, &ports, |_| true)? {
            let destination = flow.destination();
            let mut candidates = by_port.get(&destination.port()).into_iter().flatten();
            let is_at = |mapping: &&&Mapping| {
                mapping.host_ip.one().is_none_or(|address| address == destination.ip())
            };
            let Some(mapping) = candidates.find(is_at) else { continue };
            if matches(mapping, container, &flow)? {
                conntrack.delete(&flow)?;
            }
        }
        // Rules may just have been deleted.
        conntrack.close_in_background();
    }
    Ok(())
}

fn udp(claim: &Claim, family: Family) -> impl Iterator<Item = &Mapping> {
    let is_udp = |mapping: &&Mapping| mapping.protocol == Protocol::Udp;
    claim.mappings.iter().filter(is_udp).filter(move |mapping| mapping.host_ip.is_in(family))
}

/// Groups mappings by port: one port can be mapped at several addresses of the host.
fn by_port<'a>(mappings: &[&'a Mapping]) -> HashMap<u16, Vec<&'a Mapping>> {
    let mut by_port: HashMap<u16, Vec<&Mapping>> = HashMap::new();
    for &mapping in mappings {
        for port in host_ports(mapping) {
            by_port.entry(port).or_default().push(mapping);
        }
    }
    by_port
}

fn host_ports(mapping: &Mapping) -> RangeInclusive<u16> {
    mapping.host_port..=mapping.last_host_port()
}

fn leads_to(mapping: &Mapping, container: IpAddr, flow: &Flow) -> bool {
    let offset = flow.destination().port() - mapping.host_port;
    let answered_by = flow.reply_source();
    answered_by.ip() == container && answered_by.port() == mapping.container_port + offset
}

fn is_to_this_host(
    routes: &mut Option<Routes>,
    mapping: &Mapping,
    flow: &Flow,
) -> Result<bool, Error> {
    if mapping.host_ip.one().is_some() {
        return Ok(true); // the mapping was selected by this address
    }
    let routes = match routes {
        Some(routes) => routes,
        None => routes.insert(Routes::open()?),
    };
    Ok(routes.is_local(flow.destination().ip())?)
}

fn flow_family(family: Family) -> IpFamily {
    match family {
        Family::V4 => IpFamily::V4,
        Family::V6 => IpFamily::V6,
    }
}
