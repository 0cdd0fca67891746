//! The elements that a claim wants: its own, in the maps that everybody shares.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use netfilter::nftables::{Element, Field, Key, Value, Verdict};

use super::branches::Branch;
use super::layout::{Keys, Map, Role};
use super::ranges;
use crate::claim::Claim;
use crate::conflict::Taken;
use crate::family::Family;
use crate::mappings::{Mapping, Protocol};

/// Where an element stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) map: Map,
    pub(super) family: Family,
    pub(super) key: Key,
}

impl Place {
    /// The same port at any address.
    pub(super) fn at_any_address(&self) -> Option<Self> {
        let Key::One(fields) = &self.key else { return None };
        let [_, port @ ..] = &fields[..] else { return None };
        let map = Map { keys: Keys::Any, ..self.map };
        Some(Self { map, family: self.family, key: Key::One(port.to_vec()) })
    }

    /// The same host ports in the map of another role.
    pub(super) fn in_role(&self, role: Role) -> Self {
        Self { map: Map { role, ..self.map }, ..self.clone() }
    }

    /// The host ports; `None` for a key that we don't write.
    pub(super) fn taken(&self) -> Option<Taken> {
        let (host, ports) = match &self.key {
            Key::One(fields) => {
                let each: Vec<_> = fields.iter().map(|field| (field, field)).collect();
                split(&each, self.map.keys)?
            }
            Key::Range(fields) => {
                let each: Vec<_> = fields.iter().map(|(first, last)| (first, last)).collect();
                split(&each, self.map.keys)?
            }
        };
        let [(protocol, _), (Field::Port(first), Field::Port(last))] = ports[..] else {
            return None;
        };
        let address = host.and_then(|(first, last)| (first == last).then(|| ip(first)).flatten());
        Some(Taken { protocol: protocol_of(protocol)?, address, first: *first, last: *last })
    }
}

/// The first and the last of a field of a key.
type Ends<'a> = (&'a Field, &'a Field);

/// The host's addresses, where the key has them, and the rest.
fn split<'a>(fields: &[Ends<'a>], keys: Keys) -> Option<(Option<Ends<'a>>, Vec<Ends<'a>>)> {
    match keys {
        Keys::Any => Some((None, fields.to_vec())),
        _ => fields.split_first().map(|(host, ports)| (Some(*host), ports.to_vec())),
    }
}

fn ip(field: &Field) -> Option<IpAddr> {
    match field {
        Field::Ipv4(address) => Some((*address).into()),
        Field::Ipv6(address) => Some((*address).into()),
        _ => None,
    }
}

/// An element that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// All that the claim wants. `network` is the branch of its network, `sources` those of its families.
pub(super) fn wanted(claim: &Claim, network: &Branch, sources: &[(Family, Branch)]) -> Vec<Entry> {
    let mut list = Vec::new();
    for family in claim.families() {
        let Some(container) = claim.address(family).map(|cidr| cidr.address) else { continue };
        let sources = sources.iter().find(|(its, _)| *its == family);
        let goto = |branch: &Branch| Value::Verdict(Verdict::Goto(branch.chain.clone()));
        let mut entries = Entries {
            family,
            container,
            network: goto(network),
            sources: sources.map(|(_, branch)| goto(branch)),
            list: &mut list,
        };
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
    network: Value,
    sources: Option<Value>,
    list: &'a mut Vec<Entry>,
}

impl Entries<'_> {
    fn push(&mut self, keys: Keys, key: &Key, target: Vec<Field>) {
        let values = [
            (Role::Ports, Some(self.network.clone())),
            (Role::Targets, Some(Value::Data(target))),
            (Role::Sources, self.sources.clone()),
        ];
        let family = self.family;
        self.list.extend(values.into_iter().filter_map(|(role, value)| {
            let place = Place { map: Map { role, keys }, family, key: key.clone() };
            Some(Entry { place, value: value? })
        }));
    }

    fn ports(&mut self, mapping: &Mapping) {
        for offset in 0..mapping.range {
            let mut key = vec![protocol(mapping.protocol), Field::Port(mapping.host_port + offset)];
            let target =
                vec![address(self.container), Field::Port(mapping.container_port + offset)];
            let keys = match mapping.host_ip.one() {
                None => Keys::Any,
                Some(host) => {
                    key.insert(0, address(host));
                    Keys::Address
                }
            };
            self.push(keys, &Key::One(key), target);
        }
    }

    fn range(&mut self, range: &ranges::Range) {
        let protocol = protocol(range.protocol);
        let key = Key::Range(vec![
            hosts(range.address, self.family),
            (protocol.clone(), protocol),
            (Field::Port(range.first), Field::Port(range.last)),
        ]);
        self.push(Keys::Range, &key, vec![address(self.container)]);
    }
}

/// Where an element of a map of targets leads, as people write it: `10.0.0.2:80`, without a port where it is kept.
pub(super) fn target(element: &Element) -> Option<String> {
    let Some(Value::Data(fields)) = &element.value else { return None };
    let address = ip(fields.first()?)?;
    Some(match (fields.get(1), address) {
        (Some(Field::Port(port)), address) => SocketAddr::new(address, *port).to_string(),
        (_, address) => address.to_string(),
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

/// IANA's numbers.
const PROTOCOLS: [(Protocol, u8); 3] =
    [(Protocol::Tcp, 6), (Protocol::Udp, 17), (Protocol::Sctp, 132)];

fn protocol(protocol: Protocol) -> Field {
    let number = PROTOCOLS.iter().find(|(one, _)| *one == protocol);
    Field::Proto(number.map_or(0, |(_, number)| *number))
}

fn protocol_of(field: &Field) -> Option<Protocol> {
    let Field::Proto(number) = field else { return None };
    PROTOCOLS.iter().find(|(_, its)| its == number).map(|(protocol, _)| *protocol)
}
