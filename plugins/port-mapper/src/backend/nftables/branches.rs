//! The chains that a claim needs beside those that always stand: one for its network, which says from where it is
//! reached, and one for each of its subnets, which says whose source address is rewritten.
//!
//! A chain's name tells all that its rules say, so claims that mean the same share it, and none can change another's.

use netfilter::nftables::{
    Field, Key, Op, Rule, Selector, Set, SetRef, Statement, Type, ValueType, Verdict,
};
use sha2::{Digest, Sha256};

use super::layout::{self, rule, saddr};
use crate::claim::Claim;
use crate::family::Family;
use crate::owner::hex;

/// A chain, what it says, and the set of devices that its rules refer to.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) chain: String,
    pub(super) rules: Vec<Rule>,
    pub(super) devices: Option<(Set, Vec<Key>)>,
}

/// The chain of the claim's network.
pub(super) fn network(claim: &Claim) -> Branch {
    let chain = network_chain(claim);
    let (wild, exact): (Vec<&String>, Vec<&String>) =
        claim.exclude_devices.iter().partition(|device| device.ends_with('+'));
    let ignored = |what| rule(&chain, [what, Statement::Verdict(Verdict::Return)]);
    let mut rules = Vec::new();
    if !claim.snat {
        // Unanswerable from there; the host's own service may be meant.
        rules.push(ignored(layout::is_loopback(Selector::IpDaddr)));
    }
    let devices = (!exact.is_empty()).then(|| {
        let left = vec![Selector::Iifname];
        let set = SetRef::Named(chain.clone());
        rules.push(ignored(Statement::InSet { left, negated: false, set }));
        let key = |device: &&String| Key::One(vec![Field::Ifname((*device).clone())]);
        (devices(&chain), exact.iter().map(key).collect())
    });
    rules.extend(wild.into_iter().map(|device| {
        let begins = format!("{}*", device.trim_end_matches('+'));
        let right = Field::Ifname(begins).into();
        ignored(Statement::Match { left: Selector::Iifname, op: Op::Eq, right })
    }));
    rules.extend(Family::ALL.into_iter().flat_map(|family| layout::translate(&chain, family)));
    Branch { chain, rules, devices }
}

/// The set of excluded devices that belongs to a chain. It has the chain's name.
pub(super) fn devices(chain: &str) -> Set {
    Set {
        name: chain.to_owned(),
        key: vec![Type::Ifname],
        value: ValueType::None,
        interval: false,
        comment: None,
    }
}

/// `CHAIN/all`, or `CHAIN/HASH` where something is excluded.
fn network_chain(claim: &Claim) -> String {
    let name = group(&claim.chain);
    if claim.exclude_devices.is_empty() && claim.snat {
        return format!("{name}/all");
    }
    let mut devices: Vec<&str> = claim.exclude_devices.iter().map(String::as_str).collect();
    devices.sort_unstable();
    // No device's name has a blank in it.
    let hash = Sha256::digest(format!("{} {}", claim.snat, devices.join(" ")));
    format!("{name}/{}", &hex(&hash)[..12])
}

/// The configured chain's name as nft can read it back: it knows no colon, and no digit first.
fn group(chain: &str) -> String {
    let name = chain.replace(':', ".");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The configured chain that a chain stands for, as far as its name tells.
pub(super) fn configured(chain: &str) -> &str {
    chain.rsplit_once('/').map_or(chain, |(name, _)| name)
}

/// The chain that says whose source address is rewritten on the way to the claim's container: its neighbours' and
/// its own, whose answers would not pass the host otherwise; the host's by 127.0.0.1, which means something else in
/// the container; or everybody's.
pub(super) fn sources(claim: &Claim, family: Family) -> Option<Branch> {
    let container = claim.address(family).filter(|_| claim.snat)?;
    if claim.masq_all {
        let rules = vec![rule(EVERYBODY, [Statement::Masquerade])];
        return Some(Branch { chain: EVERYBODY.to_owned(), rules, devices: None });
    }
    // A prefix of 0 is how some plugins write a point-to-point address: everybody would be a neighbour.
    let near = if container.prefix() == 0 { container.alone() } else { container.subnet() };
    let chain = format!("near/{}", near.to_string().replace(':', "."));
    let from = |source| rule(&chain, [source, Statement::Masquerade]);
    let mut rules = vec![from(layout::is_in(saddr(family), &near))];
    if family == Family::V4 {
        rules.push(from(layout::is_loopback(saddr(family))));
    }
    Some(Branch { chain, rules, devices: None })
}

const EVERYBODY: &str = "near/everybody";
