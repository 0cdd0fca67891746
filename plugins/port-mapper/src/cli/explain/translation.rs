//! Whether the mapping's own rules translate the packet, or others before them.

use std::mem;

use cni_netlink::nftables::Hook;

use super::filters::Filters;
use super::firewall::Hooked;
use super::hooks::{DSTNAT, Passage, Place, passages};
use super::origin::Origin;
use super::packet::{Packet, Stage};
use super::step::Step;
use super::walk::Fate;
use crate::backend::own_table;

const NAME: &str = "translation";

/// The mapping's own rules.
pub(super) struct Own<'a> {
    pub(super) tag: &'a str,
    /// Whether they exist, and are meant for the client.
    pub(super) are_expected: bool,
}

/// Decides whether a packet reaches the mapping's own rules, for the destination and for the source.
pub(super) fn translation(filters: &Filters<'_>, own: &Own<'_>) -> Step {
    if let Some(step) = dormant(filters, own) {
        return step;
    }
    let first = |passage: &&Passage| (passage.stage, passage.place) == (Stage::First, Place::Host);
    let passages = passages(filters.connection);
    let mut found = Found::default();
    for passage in passages.iter().filter(first) {
        let is_destination = match passage.hook {
            Hook::Prerouting | Hook::Output => true,
            Hook::Postrouting => false,
            _ => continue,
        };
        let chains = filters.firewall.chains(passage);
        let mut is_done = !is_destination && filters.connection.is_rewritten != Some(true);
        for hooked in chains.iter().filter(|hooked| hooked.translates) {
            let packet = passage.packet(hooked.priority);
            if is_destination {
                found.destination(hooked, &packet, own);
            } else if !is_done {
                is_done = found.source(hooked, &packet, own);
            }
        }
    }
    match (found.failed, found.unclear, filters.firewall.unread.first()) {
        (Some((message, remedy)), ..) => Step::failed(NAME, message, remedy),
        (_, Some(by), _) => {
            Step::unknown(NAME, format!("it is unclear whether {by} applies to the packet first"))
        }
        (.., Some(why)) => Step::unknown(NAME, format!("not all rules could be read: {why}")),
        _ if own.are_expected && !found.is_translated => {
            Step::unknown(NAME, "it is unclear why the packet does not reach the mapping's rule")
        }
        _ => Step::ok(NAME, "no other rule translates the port"),
    }
}

/// Decides whether the kernel executes the table of the mapping's own rules.
fn dormant(filters: &Filters<'_>, own: &Own<'_>) -> Option<Step> {
    let firewall = filters.firewall;
    let is_own = |table: &&cni_netlink::nftables::Table| {
        **table == own_table()
            || (table.name == "nat"
                && firewall.listings.iter().any(|listing| {
                    listing.dormant.contains(&table.name) && listing.has_tag("nat", own.tag)
                }))
    };
    let table = firewall.dormant.iter().filter(|_| own.are_expected).find(is_own)?;
    let message = format!("the table {table} with the mapping's rule is dormant");
    Some(Step::failed(NAME, message, format!("nft add table {table}")))
}

/// What was found in the chains so far.
#[derive(Default)]
struct Found<'a> {
    is_translated: bool,
    /// What is wrong, and the remedy.
    failed: Option<(String, String)>,
    unclear: Option<Origin<'a>>,
}

impl<'a> Found<'a> {
    fn destination(&mut self, hooked: &Hooked<'a>, packet: &Packet, own: &Own<'_>) {
        if hooked.priority > DSTNAT {
            return;
        }
        let mut outcome = hooked.follow(packet, Some(own.tag));
        let returns = mem::take(&mut outcome.returns);
        match outcome.fate(Fate::is_like) {
            Fate::Translated { own: true, .. } => self.is_translated = true,
            Fate::Translated { own: false, by } => {
                let message = format!("another rule translates the port first: {by}");
                self.fail(message, whose(by, packet));
            }
            Fate::Dropped(Some(by)) => self.fail(first(by), by.deletion()),
            Fate::Dropped(None) => {
                let message = format!("the policy of {} is DROP", hooked.text());
                self.fail(message, format!("{} accept", hooked.insert()));
            }
            Fate::Accepted(Some(by)) if hooked.has_own(own.tag) => {
                self.fail(first(by), by.deletion());
            }
            Fate::Accepted(None) if own.are_expected => self.leaves(hooked, &returns, own),
            Fate::Unclear(by) => self.unclear = self.unclear.or(Some(by)),
            _ => {}
        }
    }

    /// Looks for what rewrites the source of a packet that would not be answered otherwise. Returns
    /// whether no other chain matters.
    fn source(&mut self, hooked: &Hooked<'a>, packet: &Packet, own: &Own<'_>) -> bool {
        let mut outcome = hooked.follow(packet, None);
        let returns = mem::take(&mut outcome.returns);
        match outcome.fate(Fate::is_like) {
            Fate::Rewritten { .. } => return true,
            Fate::Accepted(Some(by)) if hooked.has_own(own.tag) => {
                self.fail(first(by), by.deletion());
            }
            Fate::Accepted(None) if own.are_expected => self.leaves(hooked, &returns, own),
            Fate::Unclear(by) => self.unclear = self.unclear.or(Some(by)),
            _ => {}
        }
        false
    }

    /// Looks for the rule by which the packet leaves the chain before the mapping's own rule.
    fn leaves(&mut self, hooked: &Hooked<'a>, returns: &[Origin<'a>], own: &Own<'_>) {
        let from_own = |by: &&Origin<'a>| hooked.leads_to_own(by.chain(), own.tag);
        if let Some(by) = returns.iter().find(from_own) {
            let message = format!("the packet leaves the chain before the mapping's rule: {by}");
            self.fail(message, by.deletion());
        }
    }

    fn fail(&mut self, message: String, remedy: String) {
        self.failed.get_or_insert((message, remedy));
    }
}

fn first(by: Origin<'_>) -> String {
    format!("a rule ends the way of the packet first: {by}")
}

/// Returns the command that shows whose rule it is, or deletes it.
fn whose(rule: Origin<'_>, packet: &Packet) -> String {
    let port = packet.destination.port.one().unwrap_or_default();
    let (is_line, chain) = (matches!(rule, Origin::Line { .. }), rule.chain());
    let program = |prefix: &str| is_line && chain.starts_with(prefix);
    if program("DOCKER") {
        format!("find the container with `docker ps --filter publish={port}` and stop it")
    } else if program("KUBE-") {
        format!("find the service with `kubectl get services -A | grep {port}` and change its port")
    } else if program("CNI-DN-") || program("CNI-HOSTPORT") {
        "the plugin portmap has mapped the port: remove it from the network's configuration, or \
         stop its container"
            .to_owned()
    } else {
        rule.deletion()
    }
}
