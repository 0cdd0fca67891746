//! Tracked flows that lead elsewhere.

use std::net::IpAddr;

use cni_netlink::conntrack::{Conntrack, Flow, IpFamily};
use cni_netlink::route::Routes;

use super::step::Step;
use super::way::Target;
use crate::family::Family;
use crate::host::other_users::number_of;
use crate::mappings::Protocol;

/// Returns the flows from a client, or any, to the host port that do not lead to the container.
pub(super) fn stale(
    target: &Target<'_>,
    client: Option<IpAddr>,
) -> Result<Vec<Flow>, cni_netlink::Error> {
    let family = match target.family {
        Family::V4 => IpFamily::V4,
        Family::V6 => IpFamily::V6,
    };
    let mut routes = Routes::open()?;
    let port = target.host_port;
    let number = number_of(target.mapping.protocol);
    let mut flows = Conntrack::open()?.flows_where(family, number, &[port..=port], |flow| {
        let to = flow.reply_source();
        let leads_to = (to.ip(), to.port()) == (target.container, target.container_port);
        !leads_to && client.is_none_or(|client| client == flow.original.source.ip())
    })?;
    let mut is_local = |flow: &Flow| {
        let to = flow.destination().ip();
        match target.mapping.host_ip.one() {
            Some(address) => address == to,
            None => routes.is_local(to).unwrap_or(false),
        }
    };
    flows.retain(|flow| is_local(flow));
    Ok(flows)
}

/// Decides whether a flow keeps packets from the container. A connection of TCP has a port of its
/// own, so it is a new flow.
pub(super) fn flows(target: &Target<'_>, stale: Result<Vec<Flow>, cni_netlink::Error>) -> Step {
    const NAME: &str = "tracked flows";
    let protocol = target.mapping.protocol;
    match stale {
        Err(error) => Step::unknown(NAME, error.to_string()),
        Ok(stale) => match stale.first() {
            None => Step::ok(NAME, "none leads elsewhere"),
            Some(flow) => {
                let message = format!("{flow} does not lead to the container, as long as it lives");
                let port = target.host_port;
                let (remedy, command) = match protocol {
                    Protocol::Udp => (
                        "delete the stale flows to mapped ports, and recreate missing rules",
                        "mesos-cni-port-mapper restore".to_owned(),
                    ),
                    _ => (
                        "delete all tracked flows to the port, also those of connections that work",
                        format!("conntrack -D -p {protocol} --orig-port-dst {port}"),
                    ),
                };
                Step::failed(NAME, message, remedy).with_commands([command])
            }
        },
    }
}
