//! Whether the firewall lets packets to the container pass.

use super::firewall::{Firewall, Hooked};
use super::packet::Packet;
use super::step::Step;
use super::walk::{Fate, fate};
use crate::family::Family;

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
    let is_iptables = insert.contains("tables-");
    let container = packet.destination.map(|address| address.to_string());
    if is_iptables && (firewall.has_chain("ufw-user-forward") || firewall.has_chain("ufw6-forward"))
    {
        let to = container.unwrap_or("SUBNET".to_owned());
        let port = packet.port.map(|port| format!(" port {port}")).unwrap_or_default();
        let protocol = packet.protocol;
        return format!("ufw route allow proto {protocol} to {to}{port}");
    }
    if firewall.is_of_firewalld() && (is_iptables || insert.contains(" firewalld ")) {
        let family = if packet.family == Family::V4 { "ipv4" } else { "ipv6" };
        let to = container.unwrap_or("SUBNET".to_owned());
        return format!(
            "firewall-cmd --permanent --new-policy=containers; \
             firewall-cmd --permanent --policy=containers --add-ingress-zone=ANY \
             --add-egress-zone=ANY --add-rich-rule='rule family={family} destination \
             address={to} accept'; firewall-cmd --reload"
        );
    }
    if !is_iptables {
        return format!("{insert} ct status dnat accept");
    }
    let insert = match firewall.has_chain("DOCKER-USER") {
        true => insert.replace("-I FORWARD", "-I DOCKER-USER"),
        false => insert.to_owned(),
    };
    format!("{insert} -m conntrack --ctstate DNAT -j ACCEPT")
}
