//! The table: what stands in it whoever is mapped.
//!
//! One lookup by protocol and port says which network a packet's mapping belongs to, the network's chain says from
//! where it may be reached, and a second lookup says where it leads; on the way out a third one says whether the
//! source address is rewritten. No packet meets anybody else's mapping.

use std::net::{IpAddr, Ipv4Addr};

use netfilter::nftables::{
    Base, Chain, Field, Hook, Kind, Op, Policy, Right, Rule, Selector, Set, Statement, Table, Type,
    ValueType, Verdict,
};

use crate::claim::Cidr;
use crate::family::Family;

/// The table of both families.
pub(super) const TABLE: &str = "mesos-cni-port-mapper";
/// Chain that finds the network of a host port. Those before it, all base chains, are called as their hooks.
pub(super) const HOST_PORTS: &str = "hostports";
/// Chain that keeps 127.0.0.0/8 out of reach for others while `route_localnet` is on.
pub(super) const GUARD: &str = "guard";
/// Chain that finds out whose source address is rewritten.
pub(super) const SOURCES: &str = "sources";
const PREROUTING: &str = "prerouting";
const OUTPUT: &str = "output";
const POSTROUTING: &str = "postrouting";

/// The table, by its name.
pub(in crate::backend) fn table() -> Table {
    Table::inet(TABLE)
}

/// What the maps of host ports are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// To the chain of the mapping's network.
    Ports,
    /// To the container.
    Targets,
    /// To the chain that says whose source address is rewritten.
    Sources,
}

/// At which addresses of the host, and how many ports, the keys of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Keys {
    /// One address, one port.
    Address,
    /// Any address, one port.
    Any,
    /// One address or any, consecutive ports.
    Range,
}

/// A map of the table: from host ports to one thing about them. There is one for each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Map {
    pub(super) role: Role,
    pub(super) keys: Keys,
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Ports, Self::Targets, Self::Sources];
}

impl Keys {
    pub(super) const ALL: [Self; 3] = [Self::Address, Self::Any, Self::Range];

    /// The key's types.
    fn types(self, family: Family) -> Vec<Type> {
        let port = [Type::InetProto, Type::InetService];
        match self {
            Self::Any => port.to_vec(),
            _ => [&[address(family)][..], &port].concat(),
        }
    }
}

impl Map {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Role::ALL.into_iter().flat_map(|role| Keys::ALL.map(|keys| Self { role, keys }))
    }

    fn index(self, family: Family) -> usize {
        (self.role as usize * Keys::ALL.len() + self.keys as usize) * Family::ALL.len()
            + family as usize
    }

    fn set(self, family: Family) -> Set {
        let value = match (self.role, self.keys) {
            (Role::Targets, Keys::Range) => ValueType::Data(vec![address(family)]),
            (Role::Targets, _) => ValueType::Data(vec![address(family), Type::InetService]),
            _ => ValueType::Verdict,
        };
        Set {
            name: named(self, family),
            key: self.keys.types(family),
            value,
            interval: self.keys == Keys::Range,
            comment: None,
        }
    }
}

fn named(map: Map, family: Family) -> String {
    let keys = match map.keys {
        Keys::Address => "address-",
        Keys::Any => "",
        Keys::Range => "range-",
    };
    let role = match map.role {
        Role::Ports => "ports",
        Role::Targets => "targets",
        Role::Sources => "sources",
    };
    format!("{keys}{role}{}", digit(family))
}

fn digit(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

fn address(family: Family) -> Type {
    match family {
        Family::V4 => Type::Ipv4Addr,
        Family::V6 => Type::Ipv6Addr,
    }
}

/// Every map of both families.
#[derive(Debug)]
pub(super) struct Maps(Vec<Set>);

impl Maps {
    pub(super) fn new() -> Self {
        Self(Map::all().flat_map(|map| Family::ALL.map(|family| map.set(family))).collect())
    }

    pub(super) fn get(&self, map: Map, family: Family) -> &Set {
        &self.0[map.index(family)]
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Set> {
        self.0.iter()
    }
}

/// The chains that stand as long as anybody is mapped.
pub(super) fn chains() -> [Chain; 5] {
    let nat = |name: &str, hook, priority| {
        Chain::base(name, Base { kind: Kind::Nat, hook, priority, policy: Policy::Accept })
    };
    [
        Chain::regular(HOST_PORTS),
        Chain::regular(SOURCES),
        nat(PREROUTING, Hook::Prerouting, -100),
        nat(OUTPUT, Hook::Output, -100),
        nat(POSTROUTING, Hook::Postrouting, 100),
    ]
}

/// The chain that stands once anybody is to be reached by 127.0.0.1. It comes before all tracking.
pub(super) fn guard() -> Chain {
    let (kind, hook) = (Kind::Filter, Hook::Prerouting);
    Chain::base(GUARD, Base { kind, hook, priority: -300, policy: Policy::Accept })
}

/// Whether the chain is one of these, and not of a network or of a subnet.
pub(super) fn is_standing(chain: &str) -> bool {
    [HOST_PORTS, SOURCES, GUARD, PREROUTING, OUTPUT, POSTROUTING].contains(&chain)
}

/// The rules of [`chains`].
pub(super) fn rules() -> Vec<Rule> {
    let jump = |when, to: &str| [when, Statement::Verdict(Verdict::Jump(to.to_owned()))];
    let mut rules = vec![
        // Transit traffic is never touched.
        rule(PREROUTING, jump(Statement::FibDaddrLocal, HOST_PORTS)),
        rule(OUTPUT, jump(Statement::FibDaddrLocal, HOST_PORTS)),
        rule(POSTROUTING, jump(Statement::CtStatusDnat, SOURCES)),
    ];
    for (chain, role) in [(HOST_PORTS, Role::Ports), (SOURCES, Role::Sources)] {
        for family in Family::ALL {
            rules.extend(Keys::ALL.map(|keys| branch_off(chain, Map { role, keys }, family)));
        }
    }
    rules
}

/// No two maps of a role have a port in common: their order does not matter.
fn branch_off(chain: &str, map: Map, family: Family) -> Rule {
    let left =
        if map.role == Role::Sources { as_asked(map, family) } else { as_it_is(map, family) };
    let lookup = Statement::VerdictMap { left, map: named(map, family) };
    match map.keys {
        // This key does not tell the family.
        Keys::Any => rule(chain, [Statement::family(nft_family(family)), lookup]),
        _ => rule(chain, [lookup]),
    }
}

/// The rules that send a packet to its container.
pub(super) fn translate(chain: &str, family: Family) -> [Rule; 3] {
    Keys::ALL.map(|keys| {
        let map = Map { role: Role::Targets, keys };
        let dnat = Statement::Dnat {
            family: nft_family(family),
            left: as_it_is(map, family),
            map: named(map, family),
            with_port: keys != Keys::Range,
        };
        rule(chain, [dnat])
    })
}

/// The rules of [`guard`]: with `route_localnet` the kernel no longer drops these packets itself.
pub(super) fn guard_rules() -> [Rule; 2] {
    [Selector::IpDaddr, Selector::IpSaddr].map(|address| {
        let outside = Statement::Match {
            left: Selector::Iifname,
            op: Op::Ne,
            right: Field::Ifname("lo".into()).into(),
        };
        rule(GUARD, [is_loopback(address), outside, Statement::Verdict(Verdict::Drop)])
    })
}

/// Where the packet goes.
fn as_it_is(map: Map, family: Family) -> Vec<Selector> {
    let port = [Selector::L4Proto, Selector::ThDport];
    match map.keys {
        Keys::Any => port.to_vec(),
        _ => [&[daddr(family)][..], &port].concat(),
    }
}

/// Where its connection went before we translated it: so only what we translated is found.
fn as_asked(map: Map, family: Family) -> Vec<Selector> {
    let port = [Selector::L4Proto, Selector::CtOriginalProtoDst];
    let address = match family {
        Family::V4 => Selector::CtOriginalIpDaddr,
        Family::V6 => Selector::CtOriginalIp6Daddr,
    };
    match map.keys {
        Keys::Any => port.to_vec(),
        _ => [&[address][..], &port].concat(),
    }
}

fn daddr(family: Family) -> Selector {
    match family {
        Family::V4 => Selector::IpDaddr,
        Family::V6 => Selector::Ip6Daddr,
    }
}

pub(super) fn saddr(family: Family) -> Selector {
    match family {
        Family::V4 => Selector::IpSaddr,
        Family::V6 => Selector::Ip6Saddr,
    }
}

fn nft_family(family: Family) -> netfilter::nftables::Family {
    match family {
        Family::V4 => netfilter::nftables::Family::Ip,
        Family::V6 => netfilter::nftables::Family::Ip6,
    }
}

pub(super) fn rule<const N: usize>(chain: &str, statements: [Statement; N]) -> Rule {
    Rule::new(chain, statements)
}

/// The address is one of those by which a host calls itself.
pub(super) fn is_loopback(address: Selector) -> Statement {
    let right = Right::Prefix(Field::Ipv4(Ipv4Addr::new(127, 0, 0, 0)), 8);
    Statement::Match { left: address, op: Op::Eq, right }
}

/// The address is of the subnet.
pub(super) fn is_in(address: Selector, subnet: &Cidr) -> Statement {
    let first = match subnet.address {
        IpAddr::V4(address) => Field::Ipv4(address),
        IpAddr::V6(address) => Field::Ipv6(address),
    };
    let right = Right::Prefix(first, subnet.prefix());
    Statement::Match { left: address, op: Op::Eq, right }
}
