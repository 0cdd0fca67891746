//! The desired rules of a claim, word by word as both variants of iptables-save print them.

use std::borrow::Cow;
use std::net::IpAddr;

use super::rule::{Rule, Words};
use crate::claim::{Cidr, Claim};
use crate::conditions::{Addresses, Device, Matches};
use crate::family::Family;
use crate::mappings::Mapping;
use crate::owner::RuleTag;

/// Chain of the nat table that rewrites source addresses.
pub const MASQ: &str = "PORT-MAPPER-MASQ";
/// Chain of the raw table that protects 127.0.0.0/8 from other hosts while `route_localnet` is on.
pub const GUARD: &str = "PORT-MAPPER-GUARD";
/// The number of its rules.
pub(in crate::backend) const GUARD_RULES: usize = 2;
/// The loopback addresses of IPv4.
pub(super) const LOOPBACK_V4: &str = "127.0.0.0/8";
const LOOPBACK_V6: &str = "::1/128";

/// Splits constant text.
fn words(text: &'static str) -> Words {
    text.split_ascii_whitespace().map(Cow::Borrowed).collect()
}

/// Returns the rules of the nat table that carry the owner's tag, in the order that they need.
pub(super) fn tagged_rules(claim: &Claim, family: Family) -> Vec<Rule> {
    let Some(container) = claim.address(family) else { return Vec::new() };
    let tag = claim.owner.tag();
    let matches = claim.conditions.matches(family);
    let mut rules = Vec::new();
    for mapping in claim.mappings.iter().filter(|mapping| mapping.host_ip.is_in(family)) {
        for part in split_range(mapping) {
            push_dnat(&part, claim, &matches, container.address, &tag, &mut rules);
        }
    }
    if !rules.is_empty() {
        push_masquerade(claim, family, container, &tag, &mut rules);
    }
    rules
}

/// One DNAT rule can map a range only if host and container ports are the same.
fn split_range(mapping: &Mapping) -> Vec<Mapping> {
    if mapping.host_port == mapping.container_port || mapping.range == 1 {
        return vec![*mapping];
    }
    (0..mapping.range)
        .map(|offset| Mapping {
            host_port: mapping.host_port + offset,
            container_port: mapping.container_port + offset,
            range: 1,
            ..*mapping
        })
        .collect()
}

fn push_dnat(
    mapping: &Mapping,
    claim: &Claim,
    matches: &Matches,
    container: IpAddr,
    tag: &str,
    rules: &mut Vec<Rule>,
) {
    let rule = |addresses: Words, device: Words, rest: Words| {
        let mut words = addresses;
        words.extend(device);
        words.extend(host_ports(mapping));
        words.extend(comment(tag));
        words.extend(rest);
        Rule::new(claim.chain.clone(), words)
    };
    let (excluded, device) = devices(claim, matches);
    rules.extend(excluded.iter().map(|name| {
        rule(host_address(mapping), vec!["-i".into(), name.clone().into()], words("-j RETURN"))
    }));
    for addresses in addresses(mapping, matches) {
        let mut rest = extensions(mapping, matches);
        rest.extend(dnat(mapping, container));
        rules.push(rule(addresses, device.clone(), rest));
    }
}

/// Returns the excluded devices that need a rule each, since a rule can name only one device, and
/// the words for the device of the rule that maps.
fn devices<'a>(claim: &'a Claim, matches: &Matches) -> (&'a [String], Words) {
    match (claim.exclude_devices.as_slice(), &matches.device) {
        ([device], None) => (&[], vec!["!".into(), "-i".into(), device.clone().into()]),
        (devices, None) => (devices, Words::new()),
        (devices, Some(Device { is_negated, name })) => {
            let mut words = negation(*is_negated);
            words.extend(["-i".into(), name.clone().into()]);
            (devices, words)
        }
    }
}

/// Returns the words for the addresses of each rule that maps: one rule, unless conditions have
/// several addresses.
fn addresses(mapping: &Mapping, matches: &Matches) -> Vec<Words> {
    let destinations = match &matches.destinations {
        None => vec![host_address(mapping)],
        some => alternatives("-d", some.as_ref()),
    };
    let sources = alternatives("-s", matches.sources.as_ref());
    let with_source = |source: Words| {
        destinations.iter().map(move |to| [source.as_slice(), to.as_slice()].concat())
    };
    sources.into_iter().flat_map(with_source).collect()
}

/// Returns the words for each of the addresses: a rule can have only one. All addresses need none.
fn alternatives(option: &'static str, addresses: Option<&Addresses>) -> Vec<Words> {
    let Some(Addresses { is_negated, any_of }) = addresses else { return vec![Words::new()] };
    let words = |subnet: &Cidr| match (is_negated, subnet.prefix()) {
        (false, 0) => Words::new(),
        _ => [negation(*is_negated), vec![option.into(), subnet.to_string().into()]].concat(),
    };
    any_of.iter().map(words).collect()
}

fn negation(is_negated: bool) -> Words {
    if is_negated { vec!["!".into()] } else { Words::new() }
}

/// Returns the matches of the conditions. They follow the comment, so that the first comment of the
/// rule is the tag.
///
/// A rule can have only one `-d`. If the conditions have it, the host address of the mapping is
/// matched in another way.
fn extensions(mapping: &Mapping, matches: &Matches) -> Words {
    let mut all = Words::new();
    if let Some(address) = mapping.host_ip.one().filter(|_| matches.destinations.is_some()) {
        all.extend(words("-m conntrack --ctorigdst"));
        all.push(address.to_string().into());
    }
    all.extend(matches.extensions.iter().map(|word| word.clone().into()));
    all
}

fn dnat(mapping: &Mapping, container: IpAddr) -> Words {
    vec!["-j".into(), "DNAT".into(), "--to-destination".into(), target(mapping, container)]
}

fn host_address(mapping: &Mapping) -> Words {
    match mapping.host_ip.one() {
        None => Words::new(),
        Some(address) => {
            let bits = Family::of(&address).bits();
            vec!["-d".into(), format!("{address}/{bits}").into()]
        }
    }
}

fn host_ports(mapping: &Mapping) -> Words {
    let protocol = mapping.protocol.as_str();
    let ports = match mapping.range {
        1 => mapping.host_port.to_string(),
        _ => format!("{}:{}", mapping.host_port, mapping.last_host_port()),
    };
    vec!["-p".into(), protocol.into(), "-m".into(), protocol.into(), "--dport".into(), ports.into()]
}

fn comment(tag: &str) -> Words {
    let mut words = words("-m comment --comment");
    words.push(tag.to_owned().into());
    words
}

fn target(mapping: &Mapping, container: IpAddr) -> Cow<'static, str> {
    match (mapping.range, container) {
        (1, IpAddr::V4(address)) => format!("{address}:{}", mapping.container_port).into(),
        (1, IpAddr::V6(address)) => format!("[{address}]:{}", mapping.container_port).into(),
        _ => container.to_string().into(),
    }
}

/// Rewrites the source address where the answer would not pass this host otherwise (the container
/// itself and its neighbours), where it would be wrong in the container (127.0.0.1), or everywhere
/// (`masqAll`).
fn push_masquerade(
    claim: &Claim,
    family: Family,
    container: Cidr,
    tag: &str,
    rules: &mut Vec<Rule>,
) {
    if !claim.snat {
        return;
    }
    let mut push = |source: Option<String>| {
        let mut words: Words = Vec::new();
        words.extend(source.into_iter().flat_map(|source| ["-s".into(), source.into()]));
        words.extend(["-d".into(), container.alone().to_string().into()]);
        words.extend(comment(tag));
        words.extend(["-j".into(), "MASQUERADE".into()]);
        rules.push(Rule::new(MASQ, words));
    };
    // Some plugins give a point-to-point address the prefix 0: every host would be a neighbour.
    let subnet = if container.prefix() == 0 { container.alone() } else { container.subnet() };
    push((!claim.masq_all).then(|| subnet.to_string()));
    // With masqAll it is redundant, but it marks the owner as one that needs the guard and the jump
    // for 127.0.0.0/8.
    if family == Family::V4 && claim.serves_localhost() {
        push(Some(LOOPBACK_V4.to_owned()));
    }
}

/// Returns the jumps to a network's chain. Mesos's original port mapper has the same, so each of
/// the two programs recognises those of the other.
pub(super) fn network_jumps(chain: &str, family: Family) -> Vec<Rule> {
    let loopback = match family {
        Family::V4 => LOOPBACK_V4,
        Family::V6 => LOOPBACK_V6,
    };
    let jump = |from: &'static str, first: Words| {
        let mut all = first;
        all.extend(words("-m addrtype --dst-type LOCAL -j"));
        all.push(chain.to_owned().into());
        Rule::new(from, all)
    };
    vec![
        jump("PREROUTING", Words::new()),
        jump("OUTPUT", vec!["!".into(), "-d".into(), loopback.into()]),
    ]
}

/// Returns the jump for what the host itself sends to 127.0.0.0/8. The original does not have it.
pub(super) fn localhost_jump(chain: &str) -> Rule {
    let mut all = words("-d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j");
    all.push(chain.to_owned().into());
    Rule::new("OUTPUT", all)
}

/// Returns the jump to the masquerade chain, which must be the first rule of its chain: the
/// `ipMasq` of the reference plugins accepts all traffic within the container's subnet, which ends
/// the traversal.
pub(super) fn masquerade_jump() -> Rule {
    Rule::new("POSTROUTING", words("-m conntrack --ctstate DNAT -j PORT-MAPPER-MASQ"))
}

/// Returns the jump to the guard, which must be the first rule of its chain: any rule before it
/// could accept the packet.
pub(super) fn guard_jump() -> Rule {
    Rule::new("PREROUTING", words("-j PORT-MAPPER-GUARD"))
}

/// Returns the guard's rules. They drop what the kernel itself drops while `route_localnet` is off.
pub(super) fn guard_rules() -> [Rule; GUARD_RULES] {
    [
        Rule::new(GUARD, words("-d 127.0.0.0/8 ! -i lo -j DROP")),
        Rule::new(GUARD, words("-s 127.0.0.0/8 ! -i lo -j DROP")),
    ]
}
