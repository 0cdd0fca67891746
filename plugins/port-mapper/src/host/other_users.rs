//! Warns of other programs that use a host port: a process that listens on it, or the plugin
//! portmap. They are no obstacle to an ADD, but then two answer, or the wrong one.
//!
//! One socket is looked up for each host port, and the rules of one chain are read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cni_netlink::nftables::RuleView;
use cni_netlink::sock_diag::Sockets;
use cni_netlink::xtables::{self, Match};

use crate::backend::{Backends, legacy_matches};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::conflict::HostPorts;
use crate::family::Family;
use crate::mappings::{Mapping, Protocol};
use crate::program;

/// The chain in which portmap has a rule for each container, with the ports in a match.
const PORTMAP: &str = "CNI-HOSTPORT-DNAT";
const MULTIPORT: &str = "multiport";
/// The host ports for which sockets are looked up: those of ranges can be many.
const MOST: usize = 64;

/// Warns of them. What can't be found out is not worth a warning.
pub fn warn(claim: &Claim, backends: &Backends) {
    if let Ok(mut sockets) = Sockets::open() {
        for (mapping, port) in ports(claim).take(MOST) {
            let ports = HostPorts { first: port, last: port, ..HostPorts::of(mapping) };
            let address = SocketAddr::new(address(claim, mapping), port);
            if sockets.receives(number_of(mapping.protocol), address).unwrap_or(false) {
                let explain = program::command(&format!("explain {port}/{}", mapping.protocol));
                log::warn!(
                    "a process of this host listens on {ports}, too; `{explain}` shows which"
                );
            }
        }
    }
    for mapping in mapped_by_portmap(claim, backends) {
        log::warn!(
            "portmap has mapped {}, too, and may come first; remove one of the two plugins from \
             the network's configuration",
            HostPorts::of(&mapping)
        );
    }
}

/// Returns the host ports of TCP and UDP.
fn ports(claim: &Claim) -> impl Iterator<Item = (&Mapping, u16)> {
    let with_sockets = claim.mappings.iter().filter(|one| one.protocol != Protocol::Sctp);
    with_sockets.flat_map(|mapping| {
        (mapping.host_port..=mapping.last_host_port()).map(move |port| (mapping, port))
    })
}

/// Returns the address at which a socket is looked up. One for all addresses is found at any of
/// them, and 127.0.0.1 is the address at which other sockets most often listen.
fn address(claim: &Claim, mapping: &Mapping) -> IpAddr {
    let is_v4 = mapping.host_ip.is_in(Family::V4) && claim.address(Family::V4).is_some();
    mapping.host_ip.one().unwrap_or(match is_v4 {
        true => Ipv4Addr::LOCALHOST.into(),
        false => Ipv6Addr::LOCALHOST.into(),
    })
}

/// Returns the number of a protocol.
pub fn number_of(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

fn mapped_by_portmap(claim: &Claim, backends: &Backends) -> Vec<Mapping> {
    let mut found = Vec::new();
    for family in claim.families() {
        let mut matches = backends.rules_of_nft(family, PORTMAP, multiport);
        if claim.backend == BackendKind::IptablesLegacy {
            matches.extend(legacy_matches(family, PORTMAP, MULTIPORT));
        }
        let has = |mapping: &&Mapping| matches.iter().any(|one| includes(one, mapping));
        found.extend(claim.mappings.iter().filter(has));
    }
    found.dedup();
    found
}

/// Returns the match of a rule with its protocol, which is the first byte that it compares.
fn multiport(rule: &RuleView<'_>) -> Option<Match> {
    let mut expressions = rule.expressions();
    let data = rule.expressions().find_map(|one| one.xtables_data(MULTIPORT.as_bytes()))?;
    let protocol = expressions.find_map(|one| match one.compared() {
        Some([protocol]) => Some(*protocol),
        _ => None,
    });
    Some(xtables::Match { protocol: protocol.unwrap_or_default(), data: data.to_vec() })
}

/// Reports whether an `xt_multiport_v1` has the host port of a mapping among its destinations.
fn includes(Match { protocol, data }: &Match, mapping: &Mapping) -> bool {
    const DESTINATION: u8 = 1;
    let [flags, count, ports @ ..] = data.as_slice() else { return false };
    let ports = ports.chunks_exact(2).map(|port| u16::from_ne_bytes([port[0], port[1]]));
    let mut ports = ports.take(usize::from(*count).min(15));
    *flags == DESTINATION
        && *protocol == number_of(mapping.protocol)
        && ports.any(|port| (mapping.host_port..=mapping.last_host_port()).contains(&port))
}
