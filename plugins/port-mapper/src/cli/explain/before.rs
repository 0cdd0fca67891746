//! Whether a rule drops the packet before it is routed.

use std::net::IpAddr;

use super::firewall::Firewall;
use super::packet::Packet;
use super::step::Step;
use super::translation::deletion;
use super::walk::{Fate, fate};

const NAME: &str = "before routing";

/// Decides whether a received packet passes the chains at the hook PREROUTING that don't translate.
/// A packet whose destination is unknown is addressed to one of these addresses of the host.
pub(super) fn before(firewall: &Firewall, packet: &Packet, addresses: &[IpAddr]) -> Step {
    let to = |address: &IpAddr| Packet { destination: Some(*address), ..packet.clone() };
    let packets = match packet.destination {
        None if !addresses.is_empty() => addresses.iter().map(to).collect(),
        _ => vec![packet.clone()],
    };
    let (mut dropped, mut passes, mut unclear) = (None, false, None);
    for packet in &packets {
        match fate_of(firewall, packet) {
            Ok(()) => passes = true,
            Err((by, Some(remedy))) => dropped = Some((by, remedy)),
            Err((by, None)) => unclear = Some(by),
        }
    }
    match (dropped, unclear) {
        (Some((by, remedy)), None) if !passes => {
            Step::failed(NAME, format!("packets are dropped before they are routed: {by}"), remedy)
        }
        (Some((by, _)), _) | (None, Some(by)) => {
            Step::unknown(NAME, format!("whether packets are dropped depends on {by}"))
        }
        (None, None) => match firewall.unread.first() {
            Some(why) => Step::unknown(NAME, format!("not all rules could be read: {why}")),
            None => Step::ok(NAME, "no rule drops the packets"),
        },
    }
}

/// Returns what drops a packet, and the remedy if it is certain.
fn fate_of(firewall: &Firewall, packet: &Packet) -> Result<(), (String, Option<String>)> {
    let mut unclear = None;
    for hooked in firewall.before_routing(packet) {
        match fate(&hooked.base, &hooked.rules) {
            Fate::Dropped(by) => {
                let is_rule = hooked.rules.iter().any(|rule| rule.text == by);
                let remedy = match is_rule {
                    true => deletion(&by, &hooked.rules),
                    false => format!("let the port pass: {}", hooked.base.text),
                };
                return Err((by, Some(remedy)));
            }
            Fate::Unclear(by) | Fate::Translated { by, .. } => unclear = unclear.or(Some(by)),
            Fate::Accepted(_) => {}
        }
    }
    unclear.map_or(Ok(()), |by| Err((by, None)))
}
