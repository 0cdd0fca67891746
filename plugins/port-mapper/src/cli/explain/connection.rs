//! The connection that a question is about, from what was observed of the host.

use std::net::IpAddr;

use cni_netlink::address::{Addresses, LinkAddress};

use super::firewall::Firewall;
use super::hooks::Connection;
use super::network::{Client, setting};
use super::packet::{Interface, contains};
use super::passage::Way;
use super::way::Target;
use crate::claim::Cidr;
use crate::family::Family;

/// Returns a connection of a client, or of any outside, by a way.
pub(super) fn connection(
    target: &Target<'_>,
    client: Option<&Client>,
    way: &Way,
    firewall: &Firewall,
    addresses: &[LinkAddress],
) -> Connection {
    let Target { claim, mapping, family, container, container_port, host_port, .. } = *target;
    let local = client.filter(|client| client.is_local);
    let outside = client.map(Client::interface).unwrap_or_default();
    let inside = Interface(way.output.clone());
    Connection {
        family,
        protocol: mapping.protocol,
        client: client.map(|client| client.address),
        is_local: local.is_some(),
        // A process of this host asks for the address that is its own, too.
        asked: mapping.host_ip.one().or(local.map(|client| client.address)),
        host_port: Some(host_port),
        container: Some(container),
        container_port: Some(container_port),
        subnet: claim.address(family),
        is_bridged: is_bridged(target, client, way),
        outside,
        back: Interface(client.and_then(|client| client.back.clone())),
        inside,
        ifname: Interface(Some(claim.owner.ifname.clone())),
        is_rewritten: Some(is_rewritten(target, client)),
        rewritten: own_address(addresses, target, way),
        bridges: firewall.interfaces.bridges.clone(),
    }
}

/// Reports whether the container sees an address of the host instead of the client's.
pub(super) fn is_rewritten(target: &Target<'_>, client: Option<&Client>) -> bool {
    let claim = target.claim;
    let Some(client) = client else { return claim.masq_all };
    claim.masq_all || (claim.snat && (is_near(target, client) || client.address.is_loopback()))
}

/// Reports whether a client is in the container's subnet.
pub(super) fn is_near(target: &Target<'_>, client: &Client) -> bool {
    let subnet = target.claim.address(target.family);
    subnet.and_then(|subnet| contains(subnet, client.address)) == Some(true)
}

/// Reports whether a bridge itself translates packets of a client that is another of its ports, and
/// the answers to it.
pub(super) fn is_bridged(target: &Target<'_>, client: Option<&Client>, way: &Way) -> bool {
    let family = if target.family == Family::V4 { "iptables" } else { "ip6tables" };
    let is_on_same = |client: &Client| {
        !client.is_local
            && way.output.is_some()
            && client.back == way.output
            && is_near(target, client)
    };
    client.is_some_and(is_on_same)
        && setting(&format!("bridge/bridge-nf-call-{family}")).as_deref() == Some("1")
}

/// Returns this host's own addresses with their interfaces, or none if they can't be read.
pub(super) fn link_addresses(family: Family) -> Vec<LinkAddress> {
    let all = Addresses::open().and_then(|mut addresses| addresses.list()).unwrap_or_default();
    let is_asked =
        |one: &LinkAddress| Family::of(&one.address) == family && !one.address.is_loopback();
    all.into_iter().filter(is_asked).collect()
}

/// Returns this host's own addresses, or none if they can't be read.
pub(in crate::cli) fn addresses(family: Family) -> Vec<IpAddr> {
    link_addresses(family).into_iter().map(|one| one.address).collect()
}

/// Returns the host's address to which source addresses are rewritten on the way to a container.
fn own_address(addresses: &[LinkAddress], target: &Target<'_>, way: &Way) -> Option<IpAddr> {
    let interface = way.route.and_then(|route| route.interface)?;
    let is_asked = |one: &&LinkAddress| {
        let subnet = Cidr::new(one.address, one.prefix_length);
        let has_container = subnet.and_then(|subnet| contains(subnet, target.container));
        one.interface == interface && has_container == Some(true)
    };
    addresses.iter().find(is_asked).map(|one| one.address)
}

impl Client {
    /// Returns the interface by which its packets arrive.
    pub(super) fn interface(&self) -> Interface {
        match self.is_local {
            true => Interface::none(),
            false => Interface(self.input.clone()),
        }
    }
}
