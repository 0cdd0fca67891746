//! What to type so that the firewall lets packets pass.

use cni_netlink::nftables::Hook;

use super::firewall::{Hooked, Source};
use super::hooks::{Layer, Passage, Place};
use super::listing::Listing;
use super::origin::Origin;
use super::packet::{Packet, Stage};
use crate::family::Family;
use crate::mappings::Protocol;

/// A packet that is dropped by a rule or the policy of a chain.
pub(super) struct Drop<'a> {
    pub(super) passage: &'a Passage,
    pub(super) packet: &'a Packet,
    pub(super) hooked: &'a Hooked<'a>,
    pub(super) rule: Option<Origin<'a>>,
}

/// Returns the command that lets the packet pass, in the program that owns the rules.
pub(super) fn remedy(drop: &Drop<'_>) -> String {
    let Drop { passage, packet, hooked, rule } = drop;
    let is_forward =
        (passage.hook, passage.layer, passage.place) == (Hook::Forward, Layer::Ip, Place::Host);
    if is_forward {
        return forwarding(packet, hooked);
    }
    match rule {
        Some(rule) => rule.deletion(),
        None => accept(hooked, packet),
    }
}

/// Returns the command that puts a rule before all others which accepts packets like this one.
fn accept(hooked: &Hooked<'_>, packet: &Packet) -> String {
    let insert = hooked.insert();
    let Packet { protocol, source, destination, stage, .. } = packet;
    let is_iptables = matches!(hooked.source, Source::Listing(..));
    let (option, end) = match stage {
        Stage::Answer => ("sport", source),
        _ => ("dport", destination),
    };
    let of_port = match end.port.one() {
        Some(port) if is_iptables => format!("-p {protocol} --{option} {port}"),
        Some(port) => format!("{protocol} {option} {port}"),
        None if is_iptables => format!("-p {protocol}"),
        None => format!("meta l4proto {protocol}"),
    };
    let is_established = packet.flow.is_some() && *stage != Stage::First;
    match is_iptables {
        true if packet.is_translated() => {
            format!("{insert} -m conntrack --ctstate DNAT -j ACCEPT")
        }
        true if is_established => format!("{insert} -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
        true => format!("{insert} {of_port} -j ACCEPT"),
        false if packet.is_translated() => format!("{insert} ct status dnat accept"),
        false if is_established => format!("{insert} ct state established accept"),
        false => format!("{insert} {of_port} accept"),
    }
}

/// Returns the command that forwards mapped packets.
fn forwarding(packet: &Packet, hooked: &Hooked<'_>) -> String {
    let to_container = match packet.stage {
        Stage::Answer => packet.source,
        _ => packet.destination,
    };
    let (container, port) = (to_container.address, to_container.port.one());
    let container = container.map_or("SUBNET".to_owned(), |address| address.to_string());
    let listing = match hooked.source {
        Source::Native(table) if table.table.name == "firewalld" => {
            return of_firewalld(packet, &container, port);
        }
        Source::Listing(listing, "filter") => Some(listing),
        _ => None,
    };
    let has = |chain| listing.is_some_and(|listing: &Listing| listing.has_chain("filter", chain));
    if has("FORWARD_direct") || has("FORWARD_POLICIES_pre") {
        return of_firewalld(packet, &container, port);
    }
    let of_ufw = if packet.family == Family::V4 { "ufw-user-forward" } else { "ufw6-user-forward" };
    let is_answer = packet.stage == Stage::Answer;
    // ufw refuses other protocols, and answers need no route of its own.
    if has(of_ufw) && !is_answer && matches!(packet.protocol, Protocol::Tcp | Protocol::Udp) {
        let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
        return format!("ufw route allow proto {} to {container}{port}", packet.protocol);
    }
    let accept = accept(hooked, packet);
    match has("DOCKER-USER") {
        true => accept.replace("-I FORWARD", "-I DOCKER-USER"),
        false => accept,
    }
}

/// Returns the commands for firewalld. Its reload removes mappings, which are recreated after it.
fn of_firewalld(packet: &Packet, container: &str, port: Option<u16>) -> String {
    let family = if packet.family == Family::V4 { "ipv4" } else { "ipv6" };
    let protocol = packet.protocol;
    let port = port.map(|port| format!(" port port={port} protocol={protocol}"));
    let port = port.unwrap_or_default();
    format!(
        "firewall-cmd --permanent --new-policy=containers; \
         firewall-cmd --permanent --policy=containers --add-ingress-zone=ANY \
         --add-egress-zone=ANY --add-rich-rule='rule family={family} destination \
         address={container}{port} accept'; firewall-cmd --reload; mesos-cni-port-mapper restore"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    use crate::cli::explain::firewall::Firewall;
    use crate::cli::explain::hooks::{Connection, passages};
    use crate::cli::explain::obstacle::obstacle;
    use crate::cli::explain::packet::samples;

    fn connection(container: &str, protocol: Protocol) -> Connection {
        let container: IpAddr = container.parse().unwrap();
        let (family, container) = (Family::of(&container), Some(container));
        Connection { family, protocol, container, ..samples::connection(None) }
    }

    /// Returns the remedy where each of these programs has these tables, one line for each chain.
    fn remedy(listings: &[(&str, &str)], connection: &Connection) -> String {
        let listing = |(program, text): &(&str, &str)| Listing::new(*program, *text);
        let listings = listings.iter().map(listing).collect();
        let firewall = Firewall { listings, ..Firewall::default() };
        obstacle(&firewall, &passages(connection), &|_| false).expect("it is dropped").remedy
    }

    const V4: &str = "192.168.0.2";
    const V6: &str = "fd00::2";

    #[test]
    fn firewalld_opens_the_port_alone_and_its_reload_is_followed_by_restore() {
        let text = "*filter\n:FORWARD DROP [0:0]\n:FORWARD_POLICIES_pre - [0:0]\nCOMMIT\n";
        let remedy = remedy(&[("iptables-nft", text)], &connection(V4, Protocol::Tcp));
        let rule = "destination address=192.168.0.2 port port=80 protocol=tcp accept'";
        assert!(remedy.contains(rule), "{remedy}");
        assert!(remedy.ends_with("--reload; mesos-cni-port-mapper restore"), "{remedy}");
    }

    #[test]
    fn ufw_is_recognised_for_both_families_and_opens_only_protocols_that_it_knows() {
        let six = "*filter\n:FORWARD DROP [0:0]\n:ufw6-user-forward - [0:0]\nCOMMIT\n";
        let of_six = |protocol| remedy(&[("ip6tables-nft", six)], &connection(V6, protocol));
        assert_eq!(of_six(Protocol::Tcp), "ufw route allow proto tcp to fd00::2 port 80");
        let insert = "ip6tables-nft -t filter -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT";
        assert_eq!(of_six(Protocol::Sctp), insert);
        let four = "*filter\n:FORWARD DROP [0:0]\n:ufw-user-forward - [0:0]\nCOMMIT\n";
        let of_four = remedy(&[("iptables-nft", four)], &connection(V4, Protocol::Udp));
        assert_eq!(of_four, "ufw route allow proto udp to 192.168.0.2 port 80");
    }

    #[test]
    fn a_remedy_names_only_chains_of_the_program_and_table_that_drop() {
        let docker = "*filter\n:FORWARD ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n\
                      :ufw-user-forward - [0:0]\nCOMMIT\n";
        let drops = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
        let of_legacy = remedy(
            &[("iptables-legacy", drops), ("iptables-nft", docker)],
            &connection(V4, Protocol::Tcp),
        );
        let insert = "-I FORWARD -m conntrack --ctstate DNAT -j ACCEPT";
        assert_eq!(of_legacy, format!("iptables-legacy -t filter {insert}"));
        let mangle = format!("*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n{docker}");
        let of_mangle = remedy(&[("iptables-nft", &mangle)], &connection(V4, Protocol::Tcp));
        assert_eq!(of_mangle, format!("iptables-nft -t mangle {insert}"));
        let of_filter = remedy(
            &[("iptables-nft", "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT\n")],
            &connection(V4, Protocol::Tcp),
        );
        assert!(of_filter.starts_with("iptables-nft -t filter -I DOCKER-USER "), "{of_filter}");
    }
}
