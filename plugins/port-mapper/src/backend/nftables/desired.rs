//! The desired state of a claim: the chains and maps of its network, and its elements in them.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use cni_netlink::nftables::{Element, Field, Key, Value, Verdict};

use super::maps::{ElementId, Keys, Map, Role, ip, number};
use super::network::Network;
use super::ranges;
use crate::claim::Claim;
use crate::family::Family;
use crate::mappings::{Mapping, Protocol};

/// All that must exist for a claim.
#[derive(Debug)]
pub(super) struct Desired {
    pub(super) network: Network,
    pub(super) elements: Vec<DesiredElement>,
    /// Whether the guard is needed.
    pub(super) guard: bool,
}

/// An element of a map or set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DesiredElement {
    pub(super) id: ElementId,
    /// `None` in a set.
    pub(super) value: Option<Value>,
}

impl Desired {
    pub(super) fn new(claim: &Claim) -> Self {
        let network = Network::new(claim);
        let elements = elements(claim, &network);
        Self { network, elements, guard: claim.serves_localhost() }
    }
}

fn elements(claim: &Claim, network: &Network) -> Vec<DesiredElement> {
    let mut list = Vec::new();
    for family in claim.families() {
        let Some(container) = claim.address(family).map(|cidr| cidr.address) else { continue };
        let has = |role| network.maps.iter().any(|map| (map.role, map.family) == (role, family));
        let roles = [Role::Ports, Role::Targets, Role::Sources, Role::Selves];
        let roles = roles.into_iter().filter(|role| *role == Role::Ports || has(*role)).collect();
        let network = network.chain.clone();
        let mut elements = FamilyElements { family, container, network, roles, list: &mut list };
        let mappings = claim.mappings.iter().filter(|mapping| mapping.host_ip.is_in(family));
        let (ranges, single): (Vec<&Mapping>, Vec<&Mapping>) =
            mappings.partition(|mapping| mapping.range > 1 && keeps_ports(mapping));
        single.into_iter().for_each(|mapping| elements.push_ports(mapping));
        ranges::disjoint(&ranges).iter().for_each(|range| elements.push_range(range));
    }
    // Two mappings can result in the same element: one for all addresses, one for 0.0.0.0.
    let mut known = HashSet::new();
    list.retain(|element: &DesiredElement| known.insert(element.id.clone()));
    // Consecutive elements of one map share a netlink message.
    list.sort_by_key(|element| element.id.map);
    list
}

/// One element can map a range only if host and container ports are the same.
fn keeps_ports(mapping: &Mapping) -> bool {
    mapping.host_port == mapping.container_port
}

/// Collects the elements of a family.
struct FamilyElements<'a> {
    family: Family,
    container: IpAddr,
    network: Rc<str>,
    roles: Vec<Role>,
    list: &'a mut Vec<DesiredElement>,
}

impl FamilyElements<'_> {
    /// Adds one element for every role.
    fn push(&mut self, keys: Keys, key: &Key, target: &[Field]) {
        for &role in &self.roles {
            let map = Map { role, keys, family: self.family };
            let (network, key, value) = match role {
                Role::Ports => {
                    let chain = Verdict::Goto(self.network.to_string());
                    ("".into(), key.clone(), Some(Value::Verdict(chain)))
                }
                Role::Targets => {
                    (self.network.clone(), key.clone(), Some(Value::Data(target.to_vec())))
                }
                Role::Sources => (self.network.clone(), key.clone(), None),
                Role::Selves => {
                    (self.network.clone(), with_sender(key, &address(self.container)), None)
                }
            };
            self.list.push(DesiredElement { id: ElementId { network, map, key }, value });
        }
    }

    fn push_ports(&mut self, mapping: &Mapping) {
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

    fn push_range(&mut self, range: &ranges::Range) {
        let protocol = protocol(range.protocol);
        let key = Key::Range(vec![
            address_range(range.address, self.family),
            (protocol.clone(), protocol),
            (Field::Port(range.first), Field::Port(range.last)),
        ]);
        self.push(Keys::Range, &key, &[address(self.container)]);
    }
}

/// Puts the sender's address before the other fields of a key.
fn with_sender(key: &Key, sender: &Field) -> Key {
    match key {
        Key::One(fields) => Key::One([sender].into_iter().chain(fields).cloned().collect()),
        Key::Range(fields) => {
            let sender = (sender.clone(), sender.clone());
            Key::Range([&sender].into_iter().chain(fields).cloned().collect())
        }
    }
}

/// Formats the target in an element of a map of targets: `10.0.0.2:80`, or without a port if the
/// host port is kept.
pub(super) fn format_target(element: &Element) -> Option<String> {
    let Some(Value::Data(fields)) = &element.value else { return None };
    let address = ip(fields.first()?)?;
    Some(match fields.get(1) {
        Some(Field::Port(port)) => SocketAddr::new(address, *port).to_string(),
        _ => address.to_string(),
    })
}

fn address_range(one: Option<IpAddr>, family: Family) -> (Field, Field) {
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
