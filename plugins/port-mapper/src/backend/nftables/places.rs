//! Where elements stand: in maps from host ports, by what is said about them.

use std::net::IpAddr;
use std::rc::Rc;

use cni_netlink::nftables::{DataType, Field, Key, Set, ValueType};

use crate::conflict::Taken;
use crate::family::Family;
use crate::mappings::Protocol;

/// What a map says about its host ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Whose they are; one for all networks. Each leads to the chain of its network.
    Ports,
    /// The container's address and port.
    Targets,
    /// That source addresses may be rewritten. A set.
    Sources,
    /// That the container, whose address comes first in the key, reaches itself by them. A set.
    Selves,
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

/// A map of the table, or of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Map {
    pub(super) role: Role,
    pub(super) keys: Keys,
    pub(super) family: Family,
}

/// Where an element stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The chain of its network; empty for [`Role::Ports`].
    pub(super) branch: Rc<str>,
    pub(super) map: Map,
    pub(super) key: Key,
}

impl Keys {
    pub(super) const ALL: [Self; 3] = [Self::Address, Self::Any, Self::Range];
}

impl Map {
    /// Every map that a network can have.
    pub(super) fn of_a_network() -> impl Iterator<Item = Self> {
        let roles = [Role::Targets, Role::Sources, Role::Selves];
        roles.into_iter().flat_map(|role| {
            let of_family = move |family| Keys::ALL.map(|keys| Self { role, keys, family });
            Family::ALL.into_iter().flat_map(of_family)
        })
    }

    pub(super) fn name(self, branch: &str) -> String {
        let keys = match self.keys {
            Keys::Address => "address-",
            Keys::Any => "",
            Keys::Range => "range-",
        };
        let role = match self.role {
            Role::Ports => "ports",
            Role::Targets => "targets",
            Role::Sources => "sources",
            Role::Selves => "selves",
        };
        let digit = match self.family {
            Family::V4 => '4',
            Family::V6 => '6',
        };
        let slash = if branch.is_empty() { "" } else { "/" };
        format!("{branch}{slash}{keys}{role}{digit}")
    }

    pub(super) fn set(self, branch: &str) -> Set {
        let value = match (self.role, self.keys) {
            (Role::Ports, _) => ValueType::Verdict,
            (Role::Targets, Keys::Range) => ValueType::Data(vec![self.address()]),
            (Role::Targets, _) => ValueType::Data(vec![self.address(), DataType::InetService]),
            _ => ValueType::None,
        };
        let set = Set::new(self.name(branch), self.types(), value);
        if self.keys == Keys::Range { set.with_intervals() } else { set }
    }

    fn types(self) -> Vec<DataType> {
        let mut types = Vec::with_capacity(4);
        if self.role == Role::Selves {
            types.push(self.address());
        }
        if self.keys != Keys::Any {
            types.push(self.address());
        }
        types.extend([DataType::InetProto, DataType::InetService]);
        types
    }

    fn address(self) -> DataType {
        match self.family {
            Family::V4 => DataType::Ipv4Addr,
            Family::V6 => DataType::Ipv6Addr,
        }
    }
}

impl Place {
    pub(super) fn set(&self) -> Set {
        self.map.set(&self.branch)
    }

    /// The same port at any address.
    pub(super) fn at_any_address(&self) -> Option<Self> {
        let Key::One(fields) = &self.key else { return None };
        let [_, port @ ..] = &fields[..] else { return None };
        let map = Map { keys: Keys::Any, ..self.map };
        Some(Self { branch: self.branch.clone(), map, key: Key::One(port.to_vec()) })
    }

    /// Where it stands whose these host ports are.
    pub(super) fn of_owner(&self) -> Self {
        let map = Map { role: Role::Ports, ..self.map };
        Self { branch: "".into(), map, key: self.key.clone() }
    }

    /// Where it stands where these host ports of a network lead.
    pub(super) fn of_target(&self, branch: &str) -> Self {
        let map = Map { role: Role::Targets, ..self.map };
        Self { branch: branch.into(), map, key: self.key.clone() }
    }

    /// The host ports; `None` for a key that we don't write, or one with a container's address in it.
    pub(super) fn taken(&self) -> Option<Taken> {
        let ends: Vec<(&Field, &Field)> = match &self.key {
            Key::One(fields) => fields.iter().map(|field| (field, field)).collect(),
            Key::Range(fields) => fields.iter().map(|(first, last)| (first, last)).collect(),
        };
        let (host, port) = match (self.map.role, self.map.keys) {
            (Role::Selves, _) => return None,
            (_, Keys::Any) => (None, &ends[..]),
            _ => (Some(ends.first()?), ends.get(1..)?),
        };
        let [(Field::Proto(number), _), (Field::Port(first), Field::Port(last))] = port[..] else {
            return None;
        };
        let address = host.and_then(|(first, last)| (first == last).then(|| ip(first)).flatten());
        Some(Taken { protocol: named(*number)?, address, first: *first, last: *last })
    }
}

pub(super) fn ip(field: &Field) -> Option<IpAddr> {
    match field {
        Field::Ipv4(address) => Some((*address).into()),
        Field::Ipv6(address) => Some((*address).into()),
        _ => None,
    }
}

/// IANA's number.
pub(super) fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

fn named(its: u8) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| number(*protocol) == its)
}
