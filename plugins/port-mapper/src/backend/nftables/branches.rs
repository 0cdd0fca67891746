//! What a network has of its own in the table: a chain that says from where its mappings are reached and where they
//! lead, one that says whose source address is rewritten, and their sets.
//!
//! A branch's name tells all that its rules say, so claims that mean the same share it, and none can change another's.

use std::rc::Rc;

use cni_netlink::nftables::{
    DataType, Family as NftFamily, Field, Key, Op, Rule, Selector, Set, SetRef, Statement,
    ValueType, Verdict,
};
use sha2::{Digest, Sha256};

use super::layout;
use super::places::{Keys, Map, Role, number};
use crate::claim::{Cidr, Claim};
use crate::family::Family;
use crate::mappings::Protocol;
use crate::owner::hex;

/// A network's part of the table.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// Name of its first chain, with which the names of all its other objects begin.
    pub(super) chain: Rc<str>,
    /// Its rules and the jumps to them, each with the map that it looks up in. One whose map is not in use is not
    /// needed.
    pub(super) rules: Vec<(Option<Map>, Rule)>,
    /// The maps that it can have.
    pub(super) maps: Vec<Map>,
    /// Its set of excluded devices, and what is in it.
    pub(super) devices: Option<(Set, Vec<Key>)>,
}

/// Whose source address is rewritten on the way to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    /// Everybody's.
    Everybody,
    /// Its neighbours' and its own, whose answers would not pass the host otherwise.
    Subnet(Cidr),
    /// Its own: it has no neighbours.
    Itself,
    /// Nobody's.
    Nobody,
}

impl Near {
    fn of(claim: &Claim, address: Cidr) -> Self {
        match address.prefix() {
            _ if !claim.snat => Self::Nobody,
            _ if claim.masq_all => Self::Everybody,
            // 0 is how some plugins write a point-to-point address: everybody would be a neighbour.
            prefix if prefix == 0 || address == address.alone() => Self::Itself,
            _ => Self::Subnet(address.subnet()),
        }
    }

    fn has(self, role: Role, family: Family) -> bool {
        match (role, self) {
            (Role::Sources, Self::Everybody | Self::Subnet(_)) => true,
            // The host by 127.0.0.1, which means something else in the container.
            (Role::Sources, Self::Itself) => family == Family::V4,
            (Role::Selves, Self::Itself) => true,
            (Role::Targets, _) => true,
            _ => false,
        }
    }

    fn word(self) -> String {
        match self {
            Self::Everybody => "everybody".to_owned(),
            Self::Subnet(subnet) => subnet.to_string(),
            Self::Itself => "itself".to_owned(),
            Self::Nobody => "nobody".to_owned(),
        }
    }
}

/// The branch of the claim's network.
pub(super) fn of(claim: &Claim) -> Branch {
    let near: Vec<(Family, Near)> = Family::ALL
        .into_iter()
        .filter_map(|family| Some((family, Near::of(claim, claim.address(family)?))))
        .collect();
    let chain: Rc<str> = name(claim, &near).into();
    let all = || Map::of_a_network();
    let is_its =
        |map: &Map| near.iter().any(|(of, near)| *of == map.family && near.has(map.role, *of));
    let maps: Vec<Map> = all().filter(is_its).collect();
    let devices = devices(&chain, claim);
    let plain = |rule| (None, rule);
    let mut rules = vec![plain(jump(layout::HOST_PORTS, &chain))];
    rules.extend(exclusions(&chain, claim, devices.is_some()).into_iter().map(plain));
    let targets = maps.iter().filter(|map| map.role == Role::Targets);
    rules.extend(targets.map(|map| (Some(*map), translate(&chain, *map))));
    let rewritten: Vec<_> =
        near.iter().flat_map(|(family, near)| rewritten(&chain, *family, *near)).collect();
    if !rewritten.is_empty() {
        rules.push(plain(jump(layout::SOURCES, &sources_chain(&chain))));
        rules.extend(rewritten.into_iter().map(|(map, rule)| (Some(map), rule)));
    }
    Branch { chain, rules, maps, devices }
}

/// Name of the branch's second chain.
pub(super) fn sources_chain(chain: &str) -> String {
    format!("{chain}/sources")
}

/// The branch that a chain is of; `None` when it is of none.
pub(super) fn branch_of(chain: &str) -> Option<&str> {
    let branch = chain.strip_suffix("/sources").unwrap_or(chain);
    (!layout::is_standing(branch)).then_some(branch)
}

/// The configured chain that a branch stands for, as far as its name tells.
pub(super) fn configured(branch: &str) -> &str {
    branch.rsplit_once('/').map_or(branch, |(name, _)| name)
}

/// `CHAIN/HASH`.
fn name(claim: &Claim, near: &[(Family, Near)]) -> String {
    let mut devices: Vec<&str> = claim.exclude_devices.iter().map(String::as_str).collect();
    devices.sort_unstable();
    let near: String =
        near.iter().map(|(family, near)| format!("{family} {}\n", near.word())).collect();
    // No device's name has a line break in it.
    let hash = Sha256::digest(format!("{}\n{near}{}", claim.snat, devices.join("\n")));
    format!("{}/{}", readable(&claim.chain), &hex(&hash)[..12])
}

/// The configured chain's name as nft can read it back: it knows no colon, and no digit first.
fn readable(chain: &str) -> String {
    let name = chain.replace(':', ".");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The set of a branch's excluded devices.
pub(super) fn devices_set(chain: &str) -> Set {
    let name = format!("{chain}/devices");
    Set::new(name, [DataType::Ifname], ValueType::None)
}

fn devices(chain: &str, claim: &Claim) -> Option<(Set, Vec<Key>)> {
    let exact = claim.exclude_devices.iter().filter(|device| !device.ends_with('+'));
    let keys: Vec<Key> =
        exact.map(|device| Key::One(vec![Field::Ifname(device.clone())])).collect();
    (!keys.is_empty()).then(|| (devices_set(chain), keys))
}

fn jump(from: &str, to: &str) -> Rule {
    Rule::new(from, [Statement::Verdict(Verdict::Jump(to.to_owned()))])
}

/// From where the branch is not reached.
fn exclusions(chain: &str, claim: &Claim, has_devices: bool) -> Vec<Rule> {
    let mut whats = Vec::new();
    if !claim.snat {
        // It could not be answered; and the host's own service may be meant.
        whats.push(layout::is_loopback(Selector::IpDaddr));
    }
    if has_devices {
        let set = SetRef::Named(devices_set(chain).name);
        whats.push(Statement::InSet { left: vec![Selector::Iifname], negated: false, set });
    }
    let wild = claim.exclude_devices.iter().filter_map(|device| device.strip_suffix('+'));
    whats.extend(wild.map(|beginning| {
        let right = Field::Ifname(format!("{beginning}*")).into();
        Statement::Match { left: Selector::Iifname, op: Op::Eq, right }
    }));
    let ignored = |what| Rule::new(chain, [what, Statement::Verdict(Verdict::Return)]);
    whats.into_iter().map(ignored).collect()
}

/// Sends a packet to its container.
fn translate(chain: &str, map: Map) -> Rule {
    let family = match map.family {
        Family::V4 => NftFamily::Ip,
        Family::V6 => NftFamily::Ip6,
    };
    let mut left = Vec::with_capacity(3);
    if map.keys != Keys::Any {
        left.push(match map.family {
            Family::V4 => Selector::IpDaddr,
            Family::V6 => Selector::Ip6Daddr,
        });
    }
    left.extend([Selector::L4Proto, Selector::ThDport]);
    let with_port = map.keys != Keys::Range;
    Rule::new(chain, [Statement::Dnat { family, left, map: map.name(chain), with_port }])
}

/// The rules by which source addresses of connections that this branch translated are rewritten.
fn rewritten(chain: &str, family: Family, near: Near) -> Vec<(Map, Rule)> {
    let own = sources_chain(chain);
    let mut rules = Vec::new();
    let mut for_each_kind = |from: Option<Statement>, role| {
        for keys in Keys::ALL {
            let map = Map { role, keys, family };
            let lookup = lookup(chain, map);
            let statements = from.clone().into_iter().chain(lookup).chain([Statement::Masquerade]);
            rules.push((map, Rule::new(own.as_str(), statements.collect::<Vec<_>>())));
        }
    };
    match near {
        Near::Everybody => {
            for_each_kind(Some(Statement::family(nft_family(family))), Role::Sources)
        }
        Near::Subnet(subnet) => {
            for_each_kind(Some(layout::is_in(saddr(family), &subnet)), Role::Sources);
        }
        Near::Itself => for_each_kind(None, Role::Selves),
        Near::Nobody => {}
    }
    if family == Family::V4 && matches!(near, Near::Subnet(_) | Near::Itself) {
        for_each_kind(Some(layout::is_loopback(Selector::IpSaddr)), Role::Sources);
    }
    rules
}

/// Looks a connection up by where it went before we translated it: so only what we translated is found. nft reads such
/// a rule back only when it tells the protocols itself.
fn lookup(chain: &str, map: Map) -> [Statement; 2] {
    let numbers = Protocol::ALL.map(|protocol| Field::Proto(number(protocol)));
    let set = SetRef::Anonymous(numbers.to_vec());
    let protocols = Statement::InSet { left: vec![Selector::L4Proto], negated: false, set };

    let mut left = Vec::with_capacity(4);
    if map.role == Role::Selves {
        left.push(saddr(map.family));
    }
    if map.keys != Keys::Any {
        left.push(match map.family {
            Family::V4 => Selector::CtOriginalIpDaddr,
            Family::V6 => Selector::CtOriginalIp6Daddr,
        });
    }
    left.extend([Selector::L4Proto, Selector::CtOriginalProtoDst]);
    let set = SetRef::Named(map.name(chain));
    [protocols, Statement::InSet { left, negated: false, set }]
}

fn saddr(family: Family) -> Selector {
    match family {
        Family::V4 => Selector::IpSaddr,
        Family::V6 => Selector::Ip6Saddr,
    }
}

fn nft_family(family: Family) -> NftFamily {
    match family {
        Family::V4 => NftFamily::Ip,
        Family::V6 => NftFamily::Ip6,
    }
}
