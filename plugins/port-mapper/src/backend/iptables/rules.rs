//! The rules of a claim, word by word as iptables-save prints them, in both of its variants.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::claim::{Cidr, Claim};
use crate::family::Family;
use crate::mappings::Mapping;
use crate::owner::RuleTag;

/// Chain of the nat table for source addresses that must be rewritten.
pub const MASQ: &str = "PORT-MAPPER-MASQ";
/// Chain of the raw table that keeps 127.0.0.0/8 out of reach for others while `route_localnet` is on.
pub const GUARD: &str = "PORT-MAPPER-GUARD";
/// What the host calls itself.
pub(super) const LOOPBACK_V4: &str = "127.0.0.0/8";
const LOOPBACK_V6: &str = "::1/128";

/// Words of a rule.
pub(super) type Words = Vec<Cow<'static, str>>;

/// A rule, or a jump, and the chain it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) chain: Cow<'static, str>,
    pub(super) words: Words,
}

impl Line {
    fn new(chain: impl Into<Cow<'static, str>>, words: Words) -> Self {
        Self { chain: chain.into(), words }
    }
}

/// Divides constant text, then appends.
fn words(text: &'static str) -> Words {
    text.split_ascii_whitespace().map(Cow::Borrowed).collect()
}

/// The rules of the nat table that bear the owner's tag, in the order in which they must stand.
pub(super) fn owned(claim: &Claim, family: Family) -> Vec<Line> {
    let Some(container) = claim.address(family) else { return Vec::new() };
    let tag = claim.owner.tag();
    let mut lines = Vec::new();
    for mapping in claim.mappings.iter().filter(|mapping| mapping.host_ip.is_in(family)) {
        for part in parts(mapping) {
            forward(&part, claim, container.address, &tag, &mut lines);
        }
    }
    if !lines.is_empty() {
        masquerade(claim, family, container, &tag, &mut lines);
    }
    lines
}

/// A range keeps its ports in one rule only when they are the same on both sides.
fn parts(mapping: &Mapping) -> Vec<Mapping> {
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

fn forward(mapping: &Mapping, claim: &Claim, container: IpAddr, tag: &str, lines: &mut Vec<Line>) {
    let line = |device: Words, target: Words| {
        let mut words = destination(mapping);
        words.extend(device);
        words.extend(ports(mapping));
        words.extend(comment(tag));
        words.extend(target);
        Line::new(claim.chain.clone(), words)
    };
    let dnat =
        vec!["-j".into(), "DNAT".into(), "--to-destination".into(), target(mapping, container)];
    match claim.exclude_devices.as_slice() {
        [] => lines.push(line(Vec::new(), dnat)),
        [device] => lines.push(line(vec!["!".into(), "-i".into(), device.clone().into()], dnat)),
        // One rule can exclude one device only.
        devices => {
            lines.extend(
                devices.iter().map(|device| {
                    line(vec!["-i".into(), device.clone().into()], words("-j RETURN"))
                }),
            );
            lines.push(line(Vec::new(), dnat));
        }
    }
}

fn destination(mapping: &Mapping) -> Words {
    match mapping.host_ip.one() {
        None => Words::new(),
        Some(address) => {
            let bits = Family::of(&address).bits();
            vec!["-d".into(), format!("{address}/{bits}").into()]
        }
    }
}

fn ports(mapping: &Mapping) -> Words {
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

/// Whose source address is rewritten: the container's neighbours and itself, whose answers would not pass the
/// host otherwise; the host by 127.0.0.1, which means something else in the container; or everybody.
fn masquerade(claim: &Claim, family: Family, container: Cidr, tag: &str, lines: &mut Vec<Line>) {
    if !claim.snat {
        return;
    }
    let mut masquerade = |source: Option<String>| {
        let mut words: Words = Vec::new();
        words.extend(source.into_iter().flat_map(|source| ["-s".into(), source.into()]));
        words.extend(["-d".into(), container.alone().to_string().into()]);
        words.extend(comment(tag));
        words.extend(["-j".into(), "MASQUERADE".into()]);
        lines.push(Line::new(MASQ, words));
    };
    // A prefix of 0 is how some plugins write a point-to-point address: everybody would be a neighbour.
    let subnet = if container.prefix() == 0 { container.alone() } else { container.subnet() };
    masquerade((!claim.masq_all).then(|| subnet.to_string()));
    // Also where it is covered by masqAll: it tells that this owner needs the guard and the jump for 127.0.0.0/8.
    if family == Family::V4 && claim.serves_localhost() {
        masquerade(Some(LOOPBACK_V4.to_owned()));
    }
}

/// The jumps to a network's chain: as the original's, so that each finds those of the other.
pub(super) fn jumps(chain: &str, family: Family) -> Vec<Line> {
    let loopback = match family {
        Family::V4 => LOOPBACK_V4,
        Family::V6 => LOOPBACK_V6,
    };
    let local = |from: &'static str, first: Words| {
        let mut all = first;
        all.extend(words("-m addrtype --dst-type LOCAL -j"));
        all.push(chain.to_owned().into());
        Line::new(from, all)
    };
    vec![
        local("PREROUTING", Words::new()),
        local("OUTPUT", vec!["!".into(), "-d".into(), loopback.into()]),
    ]
}

/// The jump for what the host itself sends to 127.0.0.0/8, which the original leaves out.
pub(super) fn localhost_jump(chain: &str) -> Line {
    let mut all = words("-d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j");
    all.push(chain.to_owned().into());
    Line::new("OUTPUT", all)
}

/// The jump to the masquerade chain. It stands first: the `ipMasq` of the reference plugins accepts whatever stays in
/// the container's subnet, and with that the walk ends.
pub(super) fn masquerade_jump() -> Line {
    Line::new("POSTROUTING", words("-m conntrack --ctstate DNAT -j PORT-MAPPER-MASQ"))
}

/// The jump to the guard. It stands first: a rule before it could let packets pass.
pub(super) fn guard_jump() -> Line {
    Line::new("PREROUTING", words("-j PORT-MAPPER-GUARD"))
}

/// The guard: with `route_localnet` the kernel no longer drops these packets itself.
pub(super) fn guard() -> [Line; 2] {
    [
        Line::new(GUARD, words("-d 127.0.0.0/8 ! -i lo -j DROP")),
        Line::new(GUARD, words("-s 127.0.0.0/8 ! -i lo -j DROP")),
    ]
}
