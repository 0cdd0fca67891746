//! Conflicts: requested host ports that belong to another owner.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::claim::Claim;
use crate::family::Family;
use crate::liveness::Liveness;
use crate::mappings::{Mapping, Ports, Protocol};
use crate::owner::Owner;

/// A range of host ports that an owner has mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPorts {
    /// The protocol.
    pub protocol: Protocol,
    /// The host address; `None` if the ports are mapped at all addresses.
    pub address: Option<IpAddr>,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl HostPorts {
    /// Returns the host ports of a mapping.
    pub fn of(mapping: &Mapping) -> Self {
        Self {
            protocol: mapping.protocol,
            address: mapping.host_ip.one(),
            first: mapping.host_port,
            last: mapping.last_host_port(),
        }
    }
}

impl fmt::Display for HostPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = Ports(self.first, self.last);
        match self.address {
            None => write!(f, "{} host port {ports}", self.protocol),
            Some(IpAddr::V6(address)) => write!(f, "{} [{address}]:{ports}", self.protocol),
            Some(address) => write!(f, "{} {address}:{ports}", self.protocol),
        }
    }
}

/// A requested mapping whose host ports belong to another owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The requested mapping.
    pub mapping: Mapping,
    /// The existing host ports that it overlaps.
    pub ports: HostPorts,
    /// The owner of those ports.
    pub owner: Owner,
    /// What is known about the owner.
    pub evidence: Evidence,
}

/// What is known about the owner of host ports, for the advice in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It lives.
    Alive,
    /// Its network namespace can't be seen from here.
    Unseen,
    /// Only its rules show that it exists.
    RulesOnly,
    /// It waits for the port, too, and came first.
    Waiting,
}

impl Evidence {
    /// Returns what a claim shows about its owner.
    pub fn of(liveness: Liveness) -> Self {
        if liveness == Liveness::Unseen { Self::Unseen } else { Self::Alive }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mapping, ports, owner, evidence } = self;
        let verb = if *evidence == Evidence::Waiting { "is awaited by" } else { "belongs to" };
        if HostPorts::of(mapping) != *ports {
            write!(f, "{mapping}: ")?;
        }
        write!(f, "{ports} {verb} {owner}")?;
        match evidence {
            Evidence::Alive | Evidence::Waiting => Ok(()),
            Evidence::Unseen => f.write_str(", whose network namespace can't be seen from here"),
            Evidence::RulesOnly => f.write_str(", of which there are rules, but no record"),
        }
    }
}

/// Returns what to do about conflicts.
pub fn advice(conflicts: &[Conflict]) -> String {
    let doubtful = conflicts
        .iter()
        .find(|conflict| matches!(conflict.evidence, Evidence::Unseen | Evidence::RulesOnly));
    match doubtful {
        None => "choose another host port, or stop the other container first".to_owned(),
        Some(conflict) => format!(
            "choose another host port, or if that container no longer exists, run \
             `mesos-cni-port-mapper gc --force {}`{}",
            conflict.owner.container_id(),
            match conflict.evidence {
                Evidence::RulesOnly => ", with --state-dir if its network has another stateDir",
                _ => "",
            }
        ),
    }
}

/// An index of the requested mappings of one family, to find one that overlaps given host ports.
///
/// A mapping at all addresses overlaps mappings at a single one. A lookup takes logarithmic time.
#[derive(Debug, Default)]
pub struct MappingIndex {
    /// All mappings of each protocol.
    all: HashMap<Protocol, PortRanges>,
    /// The mappings at each single address, and under `None` those at all addresses.
    by_address: HashMap<(Protocol, Option<IpAddr>), PortRanges>,
}

impl MappingIndex {
    /// Returns an index of the mappings of a claim in a family. It is empty if the container has no
    /// address of the family: then the claim wants none of its host ports.
    pub fn of(claim: &Claim, family: Family) -> Self {
        match claim.address(family) {
            Some(_) => Self::new(&claim.mappings, family),
            None => Self::default(),
        }
    }

    /// Returns an index of the mappings that are reachable at addresses of the family.
    pub fn new(mappings: &[Mapping], family: Family) -> Self {
        let mut index = Self::default();
        let mut sorted: Vec<&Mapping> =
            mappings.iter().filter(|mapping| mapping.host_ip.is_in(family)).collect();
        sorted.sort_unstable_by_key(|mapping| mapping.host_port);
        for mapping in sorted {
            let key = (mapping.protocol, mapping.host_ip.one());
            index.all.entry(mapping.protocol).or_default().push(mapping);
            index.by_address.entry(key).or_default().push(mapping);
        }
        index
    }

    /// Returns a mapping that overlaps these host ports, if there is one.
    pub fn overlap(&self, ports: &HostPorts) -> Option<Mapping> {
        let within = |ranges: Option<&PortRanges>| ranges.and_then(|ranges| ranges.overlap(ports));
        match ports.address {
            None => within(self.all.get(&ports.protocol)),
            address => [None, address]
                .into_iter()
                .find_map(|address| within(self.by_address.get(&(ports.protocol, address)))),
        }
    }
}

/// The first ports of mappings in ascending order. Each is paired with the mapping that has the
/// highest last port among its mapping and those before.
#[derive(Debug, Default)]
struct PortRanges(Vec<(u16, Mapping)>);

impl PortRanges {
    fn push(&mut self, mapping: &Mapping) {
        let furthest = match self.0.last() {
            Some((_, before)) if before.last_host_port() >= mapping.last_host_port() => *before,
            _ => *mapping,
        };
        self.0.push((mapping.host_port, furthest));
    }

    fn overlap(&self, ports: &HostPorts) -> Option<Mapping> {
        let candidates = self.0.partition_point(|(first, _)| {
            #[cfg(test)]
            tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
            *first <= ports.last
        });
        let (_, furthest) = self.0.get(candidates.checked_sub(1)?)?;
        (furthest.last_host_port() >= ports.first).then_some(*furthest)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The number of comparisons of a mapping with host ports.
        pub(super) static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    fn mapping(ip: &str, host_port: u16, range: u16) -> Mapping {
        let host_ip = ip.parse().unwrap();
        Mapping { host_ip, host_port, container_port: 80, range, protocol: Protocol::Tcp }
    }

    fn ports(address: &str, first: u16, last: u16) -> HostPorts {
        HostPorts { protocol: Protocol::Tcp, address: address.parse().ok(), first, last }
    }

    fn overlaps(mappings: &[Mapping], ports: &HostPorts) -> bool {
        MappingIndex::new(mappings, Family::V4).overlap(ports).is_some()
    }

    #[test]
    fn a_mapping_at_all_addresses_overlaps_one_at_a_single_address() {
        assert!(overlaps(&[mapping("", 80, 1)], &ports("192.0.2.1", 80, 80)));
        assert!(overlaps(&[mapping("192.0.2.1", 80, 1)], &ports("", 80, 80)));
        assert!(overlaps(&[mapping("192.0.2.1", 80, 1)], &ports("192.0.2.1", 80, 80)));
        assert!(!overlaps(&[mapping("192.0.2.1", 80, 1)], &ports("192.0.2.2", 80, 80)));
    }

    #[test]
    fn mappings_of_different_families_or_protocols_do_not_overlap() {
        assert!(!overlaps(&[mapping("::", 80, 1)], &ports("", 80, 80)));
        let udp = Mapping { protocol: Protocol::Udp, ..mapping("", 80, 1) };
        assert!(!overlaps(&[udp], &ports("", 80, 80)));
    }

    #[test]
    fn ranges_overlap_at_their_edges_and_when_a_shorter_range_begins_later() {
        let ranges = [mapping("", 100, 100), mapping("", 110, 1), mapping("", 300, 1)];
        for (first, last, expected) in
            [(1, 99, false), (1, 100, true), (199, 199, true), (200, 299, false), (250, 300, true)]
        {
            assert_eq!(overlaps(&ranges, &ports("", first, last)), expected, "{first}-{last}");
        }
    }

    #[test]
    fn a_conflict_is_displayed_with_the_mapping_and_the_owner() {
        let owner = Owner::OriginalPlugin { container_id: "other".to_owned() };
        let ports = ports("192.0.2.1", 80, 89);
        let evidence = Evidence::Alive;
        let conflict = Conflict { mapping: mapping("", 80, 1), ports, owner, evidence };
        assert_eq!(
            conflict.to_string(),
            "tcp host port 80 to container port 80: tcp 192.0.2.1:80-89 belongs to container other \
             (mapped by Mesos's original port mapper)"
        );
        let same = Conflict { ports: HostPorts::of(&conflict.mapping), ..conflict };
        assert!(same.to_string().starts_with("tcp host port 80 belongs to container other"));
    }

    #[test]
    fn the_advice_names_a_command_for_an_owner_that_may_be_gone() {
        let owner = Owner::OriginalPlugin { container_id: "other".to_owned() };
        let ports = ports("", 80, 80);
        let conflict = |evidence| {
            let mapping = mapping("", 80, 1);
            [Conflict { mapping, ports, owner: owner.clone(), evidence }]
        };
        for evidence in [Evidence::Unseen, Evidence::RulesOnly] {
            let advice = advice(&conflict(evidence));
            assert!(advice.contains("`mesos-cni-port-mapper gc --force other`"), "{advice}");
        }
        for evidence in [Evidence::Alive, Evidence::Waiting] {
            assert!(!advice(&conflict(evidence)).contains("gc"));
        }
    }

    #[test]
    fn a_lookup_among_ten_thousand_mappings_needs_at_most_fifteen_comparisons() {
        let mappings: Vec<Mapping> = (1..=10_000).map(|port| mapping("", port, 1)).collect();
        let index = MappingIndex::new(&mappings, Family::V4);
        COMPARISONS.set(0);
        assert!((20_000..30_000).all(|port| index.overlap(&ports("", port, port)).is_none()));
        assert!((1..=10_000).all(|port| index.overlap(&ports("", port, port)).is_some()));
        let most = 20_000 * 15;
        assert!((20_000..=most).contains(&COMPARISONS.get()), "{} comparisons", COMPARISONS.get());
    }
}
