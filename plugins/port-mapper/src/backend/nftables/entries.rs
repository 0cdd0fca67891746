//! The elements that a claim wants.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use cni_netlink::nftables::{Element, Field, Key, Value, Verdict};

use super::branches::Branch;
use super::places::{Keys, Map, Place, Role, ip, number};
use super::ranges;
use crate::claim::Claim;
use crate::family::Family;
use crate::mappings::{Mapping, Protocol};

/// An element that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// `None` in a set.
    pub(super) value: Option<Value>,
}

/// All that the claim wants of its branch and of the maps of host ports.
pub(super) fn wanted(claim: &Claim, branch: &Branch) -> Vec<Entry> {
    let mut list = Vec::new();
    for family in claim.families() {
        let Some(container) = claim.address(family).map(|cidr| cidr.address) else { continue };
        let has = |role| branch.maps.iter().any(|map| (map.role, map.family) == (role, family));
        let roles = [Role::Ports, Role::Targets, Role::Sources, Role::Selves];
        let roles = roles.into_iter().filter(|role| *role == Role::Ports || has(*role)).collect();
        let mut entries =
            Entries { family, container, branch: branch.chain.clone(), roles, list: &mut list };
        let mappings = claim.mappings.iter().filter(|mapping| mapping.host_ip.is_in(family));
        let (ranges, single): (Vec<&Mapping>, Vec<&Mapping>) =
            mappings.partition(|mapping| mapping.range > 1 && keeps_ports(mapping));
        single.into_iter().for_each(|mapping| entries.ports(mapping));
        ranges::disjoint(&ranges).iter().for_each(|range| entries.range(range));
    }
    // Two mappings can come to the same element, as any address and 0.0.0.0.
    let mut known = HashSet::new();
    list.retain(|entry: &Entry| known.insert(entry.place.clone()));
    list
}

/// A range keeps its ports in one element only when they are the same on both sides.
fn keeps_ports(mapping: &Mapping) -> bool {
    mapping.host_port == mapping.container_port
}

/// Those of one family.
struct Entries<'a> {
    family: Family,
    container: IpAddr,
    branch: Rc<str>,
    roles: Vec<Role>,
    list: &'a mut Vec<Entry>,
}

impl Entries<'_> {
    fn push(&mut self, keys: Keys, key: &Key, target: &[Field]) {
        for &role in &self.roles {
            let map = Map { role, keys, family: self.family };
            let (branch, key, value) = match role {
                Role::Ports => {
                    let network = Verdict::Goto(self.branch.to_string());
                    ("".into(), key.clone(), Some(Value::Verdict(network)))
                }
                Role::Targets => {
                    (self.branch.clone(), key.clone(), Some(Value::Data(target.to_vec())))
                }
                Role::Sources => (self.branch.clone(), key.clone(), None),
                Role::Selves => (self.branch.clone(), from(key, &address(self.container)), None),
            };
            self.list.push(Entry { place: Place { branch, map, key }, value });
        }
    }

    fn ports(&mut self, mapping: &Mapping) {
        for offset in 0..mapping.range {
            let mut key = vec![protocol(mapping.protocol), Field::Port(mapping.host_port + offset)];
            let target = [address(self.container), Field::Port(mapping.container_port + offset)];
            let keys = match mapping.host_ip.one() {
                None => Keys::Any,
                Some(host) => {
                    key.insert(0, address(host));
                    Keys::Address
                }
            };
            self.push(keys, &Key::One(key), &target);
        }
    }

    fn range(&mut self, range: &ranges::Range) {
        let protocol = protocol(range.protocol);
        let key = Key::Range(vec![
            hosts(range.address, self.family),
            (protocol.clone(), protocol),
            (Field::Port(range.first), Field::Port(range.last)),
        ]);
        self.push(Keys::Range, &key, &[address(self.container)]);
    }
}

/// The key with an address of the sender before it.
fn from(key: &Key, sender: &Field) -> Key {
    match key {
        Key::One(fields) => Key::One([sender].into_iter().chain(fields).cloned().collect()),
        Key::Range(fields) => {
            let sender = (sender.clone(), sender.clone());
            Key::Range([&sender].into_iter().chain(fields).cloned().collect())
        }
    }
}

/// Where an element of a map of targets leads, as people write it: `10.0.0.2:80`, without a port where it is kept.
pub(super) fn target(element: &Element) -> Option<String> {
    let Some(Value::Data(fields)) = &element.value else { return None };
    let address = ip(fields.first()?)?;
    Some(match fields.get(1) {
        Some(Field::Port(port)) => SocketAddr::new(address, *port).to_string(),
        _ => address.to_string(),
    })
}

fn hosts(one: Option<IpAddr>, family: Family) -> (Field, Field) {
    match (one, family) {
        (Some(one), _) => (address(one), address(one)),
        (None, Family::V4) => (Field::Ipv4([0; 4].into()), Field::Ipv4([255; 4].into())),
        (None, Family::V6) => (Field::Ipv6([0; 16].into()), Field::Ipv6([255; 16].into())),
    }
}

fn address(address: IpAddr) -> Field {
    match address {
        IpAddr::V4(address) => Field::Ipv4(address),
        IpAddr::V6(address) => Field::Ipv6(address),
    }
}

fn protocol(protocol: Protocol) -> Field {
    Field::Proto(number(protocol))
}
