//! What drops the packets of a connection on their way.

use std::net::IpAddr;

use cni_netlink::nftables::Hook;

use super::firewall::{Firewall, Hooked};
use super::hooks::{Layer, Passage, Place};
use super::origin::Origin;
use super::packet::{Packet, Stage};
use super::remedy::{Drop, remedy};
use super::walk::{Fate, Source};

/// What drops packets, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) is_certain: bool,
    pub(super) message: String,
    pub(super) remedy: String,
}

/// Finds what drops packets of a connection on a part of their way: if nothing certainly does, what
/// may. `is_lost` reports whether answers to an address do not pass this host.
///
/// What translates the destination before routing is not one: see [`super::translation`].
pub(super) fn obstacle<'p>(
    firewall: &Firewall,
    passages: impl IntoIterator<Item = &'p Passage>,
    is_lost: &dyn Fn(IpAddr) -> bool,
) -> Option<Obstacle> {
    let mut unclear = None;
    for passage in passages {
        for hooked in firewall.chains(passage) {
            match at_chain(passage, &hooked, is_lost) {
                Some(obstacle) if obstacle.is_certain => return Some(obstacle),
                found => unclear = unclear.or(found),
            }
        }
    }
    unclear
}

/// Reports whether a chain translates destinations before routing.
fn routes(passage: &Passage, hooked: &Hooked<'_>) -> bool {
    let is_before_routing = matches!(passage.hook, Hook::Prerouting | Hook::Output);
    hooked.translates && passage.place == Place::Host && is_before_routing
}

fn at_chain(
    passage: &Passage,
    hooked: &Hooked<'_>,
    is_lost: &dyn Fn(IpAddr) -> bool,
) -> Option<Obstacle> {
    let is_first = passage.stage == Stage::First;
    if routes(passage, hooked) || (hooked.translates && !is_first) {
        return None;
    }
    let packet = passage.packet(hooked.priority);
    let what = |fate: &Fate<'_>| what(fate, passage, is_lost);
    let fate = hooked.follow(&packet, None).fate(|one, other| what(one) == what(other));
    let what = what(&fate)?;
    let rule = fate.by();
    let is_certain = what != What::Unknown && hooked.is_traversed == Some(true);
    Some(Obstacle {
        is_certain,
        message: message(passage, hooked, if is_certain { what } else { What::Unknown }, rule),
        remedy: remedy(&Drop { passage, packet: &packet, hooked, rule }),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Drops,
    Untracks,
    /// Answers go to this address, and not through this host.
    Rewrites(IpAddr),
    Unknown,
}

/// Returns what a fate means for the connection, if it is an obstacle.
fn what(fate: &Fate<'_>, passage: &Passage, is_lost: &dyn Fn(IpAddr) -> bool) -> Option<What> {
    match *fate {
        Fate::Accepted(_) => None,
        Fate::Dropped(_) => Some(What::Drops),
        Fate::Untracked(_) if passage.place == Place::Host => Some(What::Untracks),
        Fate::Rewritten { to, .. } => rewriting(passage, to, is_lost),
        Fate::Untracked(_) | Fate::Translated { .. } | Fate::Unclear(_) => Some(What::Unknown),
    }
}

/// Decides whether answers come back although a rule rewrites the source.
fn rewriting(passage: &Passage, to: Source, is_lost: &dyn Fn(IpAddr) -> bool) -> Option<What> {
    match to {
        Source::Interface => None,
        _ if passage.place == Place::Container => None,
        Source::One(address) => is_lost(address).then_some(What::Rewrites(address)),
        Source::Unknown => Some(What::Unknown),
    }
}

fn message(passage: &Passage, hooked: &Hooked<'_>, what: What, rule: Option<Origin<'_>>) -> String {
    let packets = match passage.stage {
        Stage::First => "packets to the container",
        Stage::Following => "packets after the first to the container",
        Stage::Answer => "answers of the container",
    };
    let below = if passage.layer == Layer::Bridge { " of bridges" } else { "" };
    let hook = format!("the hook {}{below}", passage.hook);
    let by = match rule {
        Some(rule) => rule.to_string(),
        None => format!("the policy of {} is DROP", hooked.text()),
    };
    match what {
        What::Drops => format!("{packets} are dropped at {hook}: {by}"),
        What::Untracks => format!("{packets} are not tracked at {hook}, nor translated: {by}"),
        What::Rewrites(address) => {
            format!(
                "{packets} get the source {address}, so that answers do not pass this host: {by}"
            )
        }
        What::Unknown => format!("whether {packets} pass {hook} depends on {by}"),
    }
}

impl Packet {
    /// Reports whether it belongs to a connection whose destination this host has translated.
    pub(super) fn is_translated(&self) -> bool {
        self.flow.is_some_and(|flow| flow.is_translated)
    }
}

#[cfg(test)]
#[path = "obstacle_tests.rs"]
mod tests;
