//! The maps and sets of the table, whose keys are host ports, and the ids of their elements.

use std::net::IpAddr;
use std::rc::Rc;

use cni_netlink::nftables::{DataType, Field, Key, Set, ValueType};

use crate::conflict::HostPorts;
use crate::family::Family;
use crate::mappings::Protocol;

/// What a map contains about its host ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Their owners. All networks share this map, and each element leads to its network's chain.
    Ports,
    /// The container's address and port.
    Targets,
    /// That source addresses may be rewritten. A set.
    Sources,
    /// That the container reaches itself through them. A set, whose keys begin with the container's
    /// address.
    Selves,
}

/// The form of a map's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Keys {
    /// A port at one address of the host.
    Address,
    /// A port at all addresses of the host.
    Any,
    /// Consecutive ports at one address or at all.
    Range,
}

/// A map of the table, or of each network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Map {
    pub(super) role: Role,
    pub(super) keys: Keys,
    pub(super) family: Family,
}

/// Identifies an element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ElementId {
    /// The chain of its network; empty for [`Role::Ports`].
    pub(super) network: Rc<str>,
    pub(super) map: Map,
    pub(super) key: Key,
}

impl Keys {
    pub(super) const ALL: [Self; 3] = [Self::Address, Self::Any, Self::Range];
}

impl Map {
    /// Returns every map that a network can have.
    pub(super) fn of_a_network() -> impl Iterator<Item = Self> {
        let roles = [Role::Targets, Role::Sources, Role::Selves];
        roles.into_iter().flat_map(|role| {
            let of_family = move |family| Keys::ALL.map(|keys| Self { role, keys, family });
            Family::ALL.into_iter().flat_map(of_family)
        })
    }

    /// Returns the map's name, such as `mesos/0123456789ab/range-targets4`.
    pub(super) fn name(self, network: &str) -> String {
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
        let slash = if network.is_empty() { "" } else { "/" };
        format!("{network}{slash}{keys}{role}{digit}")
    }

    pub(super) fn set(self, network: &str) -> Set {
        let value = match (self.role, self.keys) {
            (Role::Ports, _) => ValueType::Verdict,
            (Role::Targets, Keys::Range) => ValueType::Data(vec![self.address()]),
            (Role::Targets, _) => ValueType::Data(vec![self.address(), DataType::InetService]),
            _ => ValueType::None,
        };
        let set = Set::new(self.name(network), self.types(), value);
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

impl ElementId {
    pub(super) fn set(&self) -> Set {
        self.map.set(&self.network)
    }

    /// Identifies the element of the same port at all addresses.
    pub(super) fn at_any_address(&self) -> Option<Self> {
        let Key::One(fields) = &self.key else { return None };
        let [_, port @ ..] = &fields[..] else { return None };
        let map = Map { keys: Keys::Any, ..self.map };
        Some(Self { network: self.network.clone(), map, key: Key::One(port.to_vec()) })
    }

    /// Identifies the element that names the owner of the same host ports.
    pub(super) fn of_owner(&self) -> Self {
        let map = Map { role: Role::Ports, ..self.map };
        Self { network: "".into(), map, key: self.key.clone() }
    }

    /// Identifies the element with the target of the same host ports.
    pub(super) fn of_target(&self, network: &str) -> Self {
        let map = Map { role: Role::Targets, ..self.map };
        Self { network: network.into(), map, key: self.key.clone() }
    }

    /// Returns the host ports, or `None` if the key contains a container's address or is not one of
    /// ours.
    pub(super) fn host_ports(&self) -> Option<HostPorts> {
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
        Some(HostPorts { protocol: protocol(*number)?, address, first: *first, last: *last })
    }
}

pub(super) fn ip(field: &Field) -> Option<IpAddr> {
    match field {
        Field::Ipv4(address) => Some((*address).into()),
        Field::Ipv6(address) => Some((*address).into()),
        _ => None,
    }
}

/// Returns the protocol's IANA number.
pub(super) fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Sctp => 132,
    }
}

fn protocol(its: u8) -> Option<Protocol> {
    Protocol::ALL.into_iter().find(|protocol| number(*protocol) == its)
}
