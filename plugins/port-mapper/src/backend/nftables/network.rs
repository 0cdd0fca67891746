//! The chains, rules and maps of a network.
//!
//! One chain matches where its mappings are reached from and translates to their targets; a second
//! one matches whose source addresses are rewritten. The network's name contains a hash of all that
//! its rules depend on: claims with the same settings share it, and no claim can change the rules
//! of another.

use std::net::Ipv6Addr;
use std::rc::Rc;

use cni_netlink::nftables::{
    DataType, Family as NftFamily, Field, Key, Op, Rule, Selector, Set, SetRef, Statement,
    ValueType, Verdict,
};
use cni_wrapper::hex;
use hmac_sha256::Hash;

use super::layout;
use super::maps::{Keys, Map, Role, number};
use crate::claim::{Cidr, Claim};
use crate::family::Family;
use crate::mappings::Protocol;

/// The desired chains, rules, maps and sets of a network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    /// Name of its first chain, with which the names of all its other objects begin.
    pub(super) chain: Rc<str>,
    /// Its rules and the jumps to them, each with the map that it uses. A rule whose map has no
    /// elements is not needed.
    pub(super) rules: Vec<(Option<Map>, Rule)>,
    /// The maps that it can have.
    pub(super) maps: Vec<Map>,
    /// The set of excluded devices, and its elements.
    pub(super) devices: Option<(Set, Vec<Key>)>,
}

/// The senders whose source address is rewritten on the way to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Masquerade {
    /// All.
    All,
    /// The container and its neighbours, whose answers would not pass this host otherwise.
    Subnet(Cidr),
    /// The container, which has no neighbours.
    Itself,
    /// None.
    None,
}

impl Masquerade {
    fn new(claim: &Claim, address: Cidr) -> Self {
        match address.prefix() {
            _ if !claim.snat => Self::None,
            _ if claim.masq_all => Self::All,
            // Some plugins give a point-to-point address the prefix 0: every host would be a
            // neighbour.
            prefix if prefix == 0 || address == address.alone() => Self::Itself,
            _ => Self::Subnet(address.subnet()),
        }
    }

    fn needs(self, role: Role, family: Family) -> bool {
        match (role, self) {
            (Role::Sources, Self::All | Self::Subnet(_)) => true,
            // For the host's own traffic to 127.0.0.1, which is another address in the container.
            (Role::Sources, Self::Itself) => family == Family::V4,
            (Role::Selves, Self::Itself) => true,
            (Role::Targets, _) => true,
            _ => false,
        }
    }

    /// Returns a text for the hash in the network's name. It must never change: rules that an
    /// earlier version made would no longer be found.
    fn hashed(self) -> String {
        match self {
            Self::All => "everybody".to_owned(),
            Self::Subnet(subnet) => subnet.to_string(),
            Self::Itself => "itself".to_owned(),
            Self::None => "nobody".to_owned(),
        }
    }
}

impl Network {
    /// Returns the network of a claim.
    pub(super) fn new(claim: &Claim) -> Self {
        let masquerade: Vec<(Family, Masquerade)> = Family::ALL
            .into_iter()
            .filter_map(|family| Some((family, Masquerade::new(claim, claim.address(family)?))))
            .collect();
        let chain: Rc<str> = name(claim, &masquerade).into();
        let is_needed = |map: &Map| {
            masquerade.iter().any(|(family, masquerade)| {
                *family == map.family && masquerade.needs(map.role, *family)
            })
        };
        let maps: Vec<Map> = Map::of_a_network().filter(is_needed).collect();
        let devices = devices(&chain, claim);
        let unconditional = |rule| (None, rule);
        let mut rules = vec![unconditional(jump(layout::HOST_PORTS, &chain))];
        rules.extend(exclusions(&chain, claim, devices.is_some()).into_iter().map(unconditional));
        let targets = maps.iter().filter(|map| map.role == Role::Targets);
        rules.extend(targets.map(|map| (Some(*map), dnat(&chain, *map))));
        let masquerade_rules: Vec<_> = masquerade
            .iter()
            .flat_map(|(family, masquerade)| masquerade_rules(&chain, *family, *masquerade))
            .collect();
        if !masquerade_rules.is_empty() {
            rules.push(unconditional(jump(layout::SOURCES, &sources_chain(&chain))));
            rules.extend(masquerade_rules.into_iter().map(|(map, rule)| (Some(map), rule)));
        }
        Self { chain, rules, maps, devices }
    }
}

/// Returns the name of a network's second chain.
pub(super) fn sources_chain(network: &str) -> String {
    format!("{network}/sources")
}

/// Returns the network that a chain belongs to, or `None` if all networks share it.
pub(super) fn network_of(chain: &str) -> Option<&str> {
    let network = chain.strip_suffix("/sources").unwrap_or(chain);
    (!layout::is_shared(network)).then_some(network)
}

/// Returns the configured chain of a network, which its name begins with.
pub(super) fn configured_chain(network: &str) -> &str {
    network.rsplit_once('/').map_or(network, |(chain, _)| chain)
}

/// Returns `CHAIN/HASH`.
fn name(claim: &Claim, masquerade: &[(Family, Masquerade)]) -> String {
    let mut devices: Vec<&str> = claim.exclude_devices.iter().map(String::as_str).collect();
    devices.sort_unstable();
    let masquerade: String =
        masquerade.iter().map(|(family, one)| format!("{family} {}\n", one.hashed())).collect();
    // No name of a device contains a line break, and none is empty.
    let localhost = if claim.without_localhost { "\n\nwithout localhost" } else { "" };
    let devices = devices.join("\n");
    let text = format!("{}\n{masquerade}{devices}{localhost}", claim.snat);
    let hash = Hash::hash(text.as_bytes());
    format!("{}/{}", readable(&claim.chain), &hex(&hash)[..12])
}

/// Replaces what nft can't parse in the name of a chain: colons, and a digit at the beginning.
fn readable(chain: &str) -> String {
    let name = chain.replace(':', ".");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Returns the set of a network's excluded devices.
pub(super) fn devices_set(network: &str) -> Set {
    Set::new(format!("{network}/devices"), vec![DataType::Ifname], ValueType::None)
}

fn devices(network: &str, claim: &Claim) -> Option<(Set, Vec<Key>)> {
    let exact = claim.exclude_devices.iter().filter(|device| !device.ends_with('+'));
    let keys: Vec<Key> =
        exact.map(|device| Key::One(vec![Field::Ifname(device.clone())])).collect();
    (!keys.is_empty()).then(|| (devices_set(network), keys))
}

fn jump(from: &str, to: &str) -> Rule {
    Rule::new(from, [Statement::Verdict(Verdict::Jump(to.to_owned()))])
}

/// Returns the rules that exclude packets from translation.
fn exclusions(network: &str, claim: &Claim, has_devices: bool) -> Vec<Rule> {
    let mut matches = Vec::new();
    if !claim.snat || claim.without_localhost {
        // The container could not answer, and a service of the host may use the same port.
        matches.push(layout::is_loopback(Selector::IpDaddr));
    }
    if claim.address(Family::V6).is_some() {
        // The kernel does not route such packets to a container, and a service of the host may use
        // the same port.
        let right = Field::Ipv6(Ipv6Addr::LOCALHOST).into();
        matches.push(Statement::Match { left: Selector::Ip6Daddr, op: Op::Eq, right });
    }
    if has_devices {
        let set = SetRef::Named(devices_set(network).name);
        matches.push(Statement::InSet { left: vec![Selector::Iifname], negated: false, set });
    }
    let prefixes = claim.exclude_devices.iter().filter_map(|device| device.strip_suffix('+'));
    matches.extend(prefixes.map(|prefix| {
        let right = Field::Ifname(format!("{prefix}*")).into();
        Statement::Match { left: Selector::Iifname, op: Op::Eq, right }
    }));
    let ignore = |what| Rule::new(network, [what, Statement::Verdict(Verdict::Return)]);
    matches.into_iter().map(ignore).collect()
}

/// Returns the rule that translates to the targets of a map.
fn dnat(network: &str, map: Map) -> Rule {
    let mut left = Vec::with_capacity(3);
    if map.keys != Keys::Any {
        left.push(match map.family {
            Family::V4 => Selector::IpDaddr,
            Family::V6 => Selector::Ip6Daddr,
        });
    }
    left.extend([Selector::L4Proto, Selector::ThDport]);
    let with_port = map.keys != Keys::Range;
    let family = nft_family(map.family);
    Rule::new(network, [Statement::Dnat { family, left, map: map.name(network), with_port }])
}

/// Returns the rules that rewrite source addresses of connections that this network translated.
fn masquerade_rules(network: &str, family: Family, masquerade: Masquerade) -> Vec<(Map, Rule)> {
    let chain = sources_chain(network);
    let mut rules = Vec::new();
    let mut for_all_keys = |source: Option<Statement>, role| {
        for keys in Keys::ALL {
            let map = Map { role, keys, family };
            let lookup = was_translated(network, map);
            let statements = source.clone().into_iter().chain(lookup);
            let statements = statements.chain([Statement::Masquerade]).collect::<Vec<_>>();
            rules.push((map, Rule::new(chain.as_str(), statements)));
        }
    };
    match masquerade {
        Masquerade::All => {
            for_all_keys(Some(Statement::family(nft_family(family))), Role::Sources);
        }
        Masquerade::Subnet(subnet) => {
            for_all_keys(Some(layout::is_in(saddr(family), &subnet)), Role::Sources);
        }
        Masquerade::Itself => for_all_keys(None, Role::Selves),
        Masquerade::None => {}
    }
    if family == Family::V4 && matches!(masquerade, Masquerade::Subnet(_) | Masquerade::Itself) {
        for_all_keys(Some(layout::is_loopback(Selector::IpSaddr)), Role::Sources);
    }
    rules
}

/// Matches connections by their destination before translation, so only those that this network
/// translated. nft can read such a rule back only if it also matches the protocols.
fn was_translated(network: &str, map: Map) -> [Statement; 2] {
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
    let set = SetRef::Named(map.name(network));
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
