//! Whether another program's rules translate the packet before the mapping's own.

use super::firewall::{DSTNAT, Firewall, Hooked};
use super::packet::Packet;
use super::step::Step;
use super::walk::{Fate, Rule, fate};

const NAME: &str = "translation";

/// Decides whether a packet reaches the mapping's own rule, or one with the same priority.
pub(super) fn translation(firewall: &Firewall, packet: &Packet, tag: &str) -> Step {
    let mut unclear = None;
    for Hooked { base, rules, .. } in firewall.translation(packet, tag) {
        if base.priority > DSTNAT {
            continue;
        }
        match fate(&base, &rules) {
            Fate::Translated { own: false, by } => {
                let message = format!("another rule translates the port first: {by}");
                return Step::failed(NAME, message, remedy(&by, &rules, packet));
            }
            Fate::Accepted(Some(by)) | Fate::Dropped(by) => {
                let has_own = rules.iter().any(|rule| rule.is_own());
                if has_own {
                    let message = format!("a rule ends the way of the packet first: {by}");
                    return Step::failed(NAME, message, deletion(&by, &rules));
                }
            }
            Fate::Unclear(by) => unclear = unclear.or(Some(by)),
            Fate::Translated { own: true, .. } | Fate::Accepted(None) => {}
        }
    }
    match (unclear, firewall.unread.first()) {
        (Some(by), _) => {
            Step::unknown(NAME, format!("it is unclear whether {by} applies to the packet first"))
        }
        (None, Some(why)) => Step::unknown(NAME, format!("not all rules could be read: {why}")),
        (None, None) => Step::ok(NAME, "no other rule translates the port"),
    }
}

/// Returns the command that shows whose rule it is, or deletes it.
fn remedy(rule: &str, rules: &[Rule], packet: &Packet) -> String {
    let port = packet.host_port.unwrap_or_default();
    let program = |prefix: &str| rule.contains(&format!(" -A {prefix}"));
    if program("DOCKER") {
        format!("find the container with `docker ps --filter publish={port}` and stop it")
    } else if program("KUBE-") {
        format!("find the service with `kubectl get services -A | grep {port}` and change its port")
    } else if program("CNI-DN-") || program("CNI-HOSTPORT") {
        "the plugin portmap has mapped the port: remove it from the network's configuration, or \
         stop its container"
            .to_owned()
    } else {
        deletion(rule, rules)
    }
}

/// Returns the command that deletes one of the rules, by what it is called.
pub(super) fn deletion(rule: &str, rules: &[Rule]) -> String {
    let command = rule.trim_matches('`');
    match command.split_once(" -A ") {
        // A shell would run what is in the rule's comment.
        Some((before, after)) if after.contains(['$', '`']) => {
            let chain = after.split(' ').next().unwrap_or_default();
            let mut of_chain = rules.iter().filter(|one| one.chain == chain);
            match of_chain.position(|one| one.text == rule) {
                Some(index) => format!("{before} -D {chain} {}", index + 1),
                None => format!("{before} -S {chain}"),
            }
        }
        Some((before, after)) => format!("{before} -D {after}"),
        None => {
            let handle = rule.split_whitespace().nth(4).unwrap_or_default();
            let place =
                rule.split_once("list chain ").map(|(_, place)| place.trim_end_matches("`)"));
            format!("nft delete rule {} handle {handle}", place.unwrap_or_default())
        }
    }
}
