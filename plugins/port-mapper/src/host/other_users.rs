//! Warns of other programs that use a host port: a process that listens on it, or the plugin
//! portmap. They are no obstacle to an ADD, but then two answer, or the wrong one.
//!
//! The kernel lists only the sockets that listen on these ports, and the rules of one chain and one
//! table.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cni_netlink::nftables::RuleView;
use cni_netlink::sock_diag::{Listener, Sockets};
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
/// The table of its backend nftables, with a rule for each port.
const PORTMAP_TABLE: &str = "cni_hostport";
const MULTIPORT: &str = "multiport";
/// The most host ports that are named: those of ranges can be many.
const MOST: usize = 64;

/// Warns of them. What can't be found out is not worth a warning.
pub fn warn(claim: &Claim, backends: &Backends) {
    for (mapping, port) in listened_on(claim).into_iter().take(MOST) {
        let ports = HostPorts { first: port, last: port, ..HostPorts::of(mapping) };
        let explain = program::command(&format!("explain {port}/{}", mapping.protocol));
        log::warn!("a process of this host listens on {ports}, too; `{explain}` shows which");
    }
    for mapping in mapped_by_portmap(claim, backends) {
        log::warn!(
            "portmap has mapped {}, too, and may come first; remove one of the two plugins from \
             the network's configuration",
            HostPorts::of(&mapping)
        );
    }
}

/// Returns the host ports of TCP and UDP on which processes listen, at an address and in a family
/// of the mapping.
fn listened_on(claim: &Claim) -> Vec<(&Mapping, u16)> {
    let mut found = Vec::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let mappings = || claim.mappings.iter().filter(|one| one.protocol == protocol);
        let first = mappings().map(|mapping| mapping.host_port).min();
        let last = mappings().map(Mapping::last_host_port).max();
        let (Some(first), Some(last)) = (first, last) else { continue };
        let listed =
            Sockets::open().and_then(|mut all| all.listeners(number_of(protocol), first..=last));
        for one in listed.unwrap_or_default() {
            let is_for = |mapping: &&Mapping| receives(&one, mapping, claim);
            found.extend(mappings().filter(is_for).map(|mapping| (mapping, one.port)));
        }
    }
    found.sort_by_key(|(mapping, port)| (mapping.protocol, *port));
    found.dedup();
    found
}

/// Reports whether a socket receives what is sent to a host port of a mapping.
fn receives(socket: &Listener, mapping: &Mapping, claim: &Claim) -> bool {
    let at = |family| mapping.host_ip.one().unwrap_or(any_address(family));
    let mut families = claim.families().filter(|family| mapping.host_ip.is_in(*family));
    (mapping.host_port..=mapping.last_host_port()).contains(&socket.port)
        && families.any(|family| socket.receives(at(family)))
}

/// Returns the address that stands for all of a family.
pub fn any_address(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
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
        let ports = backends.rules_of_table(family, PORTMAP_TABLE, destination_port);
        let has = |mapping: &&Mapping| {
            matches.iter().any(|one| includes(one, mapping))
                || ports.iter().any(|port| is_port_of(*port, mapping))
        };
        found.extend(claim.mappings.iter().filter(has));
    }
    found.dedup();
    found
}

/// Returns the protocol and the port that a rule of nft compares before it translates the address:
/// the last value of one byte, and the last of two.
fn destination_port(rule: &RuleView<'_>) -> Option<(u8, u16)> {
    let (mut protocol, mut port) = (None, None);
    for expression in rule.expressions() {
        match expression.compared() {
            Some([number]) => protocol = Some(*number),
            Some([high, low]) => port = Some(u16::from_be_bytes([*high, *low])),
            _ if expression.name() == b"nat" => return protocol.zip(port),
            _ => {}
        }
    }
    None
}

fn is_port_of((protocol, port): (u8, u16), mapping: &Mapping) -> bool {
    protocol == number_of(mapping.protocol)
        && (mapping.host_port..=mapping.last_host_port()).contains(&port)
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
    *flags == DESTINATION && ports.any(|port| is_port_of((*protocol, port), mapping))
}
