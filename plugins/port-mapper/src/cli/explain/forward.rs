//! Whether the firewall lets packets to the container pass.

use super::firewall::{Firewall, Hooked};
use super::packet::Packet;
use super::step::Step;
use super::walk::{Fate, fate};
use crate::family::Family;
use crate::mappings::Protocol;

const NAME: &str = "firewall";

/// Decides whether a translated packet is forwarded.
pub(in crate::cli) fn forward(firewall: &Firewall, packet: &Packet) -> Step {
    let mut unclear = None;
    for Hooked { base, rules, insert } in firewall.forward(packet) {
        match fate(&base, &rules) {
            Fate::Accepted(_) => {}
            Fate::Dropped(by) => {
                let remedy = remedy(firewall, packet, &insert);
                return Step::failed(NAME, format!("forwarded packets are dropped: {by}"), remedy);
            }
            Fate::Unclear(by) | Fate::Translated { by, .. } => {
                let remedy = remedy(firewall, packet, &insert);
                unclear = unclear.or(Some((by, remedy)));
            }
        }
    }
    if let Some((by, remedy)) = unclear {
        let message = format!("whether packets are forwarded depends on {by}");
        return Step::unknown(NAME, message).with_remedy(remedy);
    }
    match firewall.unread.first() {
        Some(why) => Step::unknown(NAME, format!("not all rules could be read: {why}")),
        None => Step::ok(NAME, "forwards packets to the container"),
    }
}

/// Returns the command that lets mapped packets pass, in the program that owns the rules.
fn remedy(firewall: &Firewall, packet: &Packet, insert: &str) -> String {
    let container = packet.destination.map_or("SUBNET".to_owned(), |address| address.to_string());
    if insert.contains(" firewalld ") {
        return of_firewalld(packet, &container);
    }
    if !insert.contains("tables-") {
        return format!("{insert} ct status dnat accept");
    }
    // Each program, family and table has chains of its own.
    let listing = firewall.listings.iter().find(|listing| {
        insert.strip_prefix(&*listing.program).is_some_and(|rest| rest.starts_with(" -t filter "))
    });
    let has = |chain| listing.is_some_and(|listing| listing.base("filter", chain, 0).is_some());
    if has("FORWARD_direct") || has("FORWARD_POLICIES_pre") {
        return of_firewalld(packet, &container);
    }
    let of_ufw = if packet.family == Family::V4 { "ufw-user-forward" } else { "ufw6-user-forward" };
    // ufw refuses other protocols.
    if has(of_ufw) && matches!(packet.protocol, Protocol::Tcp | Protocol::Udp) {
        let port = packet.port.map(|port| format!(" port {port}")).unwrap_or_default();
        return format!("ufw route allow proto {} to {container}{port}", packet.protocol);
    }
    let insert = match has("DOCKER-USER") {
        true => insert.replace("-I FORWARD", "-I DOCKER-USER"),
        false => insert.to_owned(),
    };
    format!("{insert} -m conntrack --ctstate DNAT -j ACCEPT")
}

/// Returns the commands for firewalld. Its reload removes mappings, which are recreated after it.
fn of_firewalld(packet: &Packet, container: &str) -> String {
    let family = if packet.family == Family::V4 { "ipv4" } else { "ipv6" };
    let protocol = packet.protocol;
    let port = packet.port.map(|port| format!(" port port={port} protocol={protocol}"));
    let port = port.unwrap_or_default();
    let policy = "firewall-cmd --permanent --policy=containers";
    // firewall-cmd accepts only one of these options at a time.
    format!(
        "firewall-cmd --permanent --new-policy=containers; \
         {policy} --add-ingress-zone=ANY; {policy} --add-egress-zone=ANY; \
         {policy} --add-rich-rule='rule family={family} destination \
         address={container}{port} accept'; firewall-cmd --reload; mesos-cni-port-mapper restore"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::packet::Interface;
    use crate::cli::explain::save::Listing;

    fn packet(destination: &str, protocol: Protocol) -> Packet {
        let destination = destination.parse().unwrap();
        Packet {
            family: Family::of(&destination),
            protocol,
            source: None,
            destination: Some(destination),
            port: Some(80),
            host_port: Some(8080),
            input: Interface(None),
            output: Interface(None),
            is_forwarded: true,
        }
    }

    /// Returns the remedy where each of these programs has these tables, one line for each chain.
    fn remedy(listings: &[(&str, &str)], packet: &Packet) -> String {
        let listing = |(program, text): &(&str, &str)| Listing {
            program: (*program).to_owned(),
            text: (*text).to_owned(),
        };
        let listings = listings.iter().map(listing).collect();
        let firewall = Firewall { listings, ..Firewall::default() };
        forward(&firewall, packet).remedy.expect("it fails")
    }

    const V4: &str = "192.168.0.2";
    const V6: &str = "fd00::2";

    #[test]
    fn firewalld_opens_the_port_alone_and_its_reload_is_followed_by_restore() {
        let text = "*filter\n:FORWARD DROP [0:0]\n:FORWARD_POLICIES_pre - [0:0]\nCOMMIT\n";
        let remedy = remedy(&[("iptables-nft", text)], &packet(V4, Protocol::Tcp));
        let rule = "destination address=192.168.0.2 port port=80 protocol=tcp accept'";
        assert!(remedy.contains(rule), "{remedy}");
        assert!(remedy.ends_with("--reload; mesos-cni-port-mapper restore"), "{remedy}");
    }

    #[test]
    fn ufw_is_recognised_for_both_families_and_opens_only_protocols_that_it_knows() {
        let six = "*filter\n:FORWARD DROP [0:0]\n:ufw6-user-forward - [0:0]\nCOMMIT\n";
        let of_six = |protocol| remedy(&[("ip6tables-nft", six)], &packet(V6, protocol));
        assert_eq!(of_six(Protocol::Tcp), "ufw route allow proto tcp to fd00::2 port 80");
        let insert = "ip6tables-nft -t filter -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT";
        assert_eq!(of_six(Protocol::Sctp), insert);
        let four = "*filter\n:FORWARD DROP [0:0]\n:ufw-user-forward - [0:0]\nCOMMIT\n";
        let of_four = remedy(&[("iptables-nft", four)], &packet(V4, Protocol::Udp));
        assert_eq!(of_four, "ufw route allow proto udp to 192.168.0.2 port 80");
    }

    #[test]
    fn a_remedy_names_only_chains_of_the_program_and_table_that_drop() {
        let docker = "*filter\n:FORWARD ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n\
                      :ufw-user-forward - [0:0]\nCOMMIT\n";
        let drops = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
        let of_legacy = remedy(
            &[("iptables-legacy", drops), ("iptables-nft", docker)],
            &packet(V4, Protocol::Tcp),
        );
        let insert = "-I FORWARD -m conntrack --ctstate DNAT -j ACCEPT";
        assert_eq!(of_legacy, format!("iptables-legacy -t filter {insert}"));
        let mangle = format!("*mangle\n:FORWARD DROP [0:0]\nCOMMIT\n{docker}");
        let of_mangle = remedy(&[("iptables-nft", &mangle)], &packet(V4, Protocol::Tcp));
        assert_eq!(of_mangle, format!("iptables-nft -t mangle {insert}"));
        let of_filter = remedy(
            &[("iptables-nft", "*filter\n:FORWARD DROP [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT\n")],
            &packet(V4, Protocol::Tcp),
        );
        assert!(of_filter.starts_with("iptables-nft -t filter -I DOCKER-USER "), "{of_filter}");
    }
}
