//! Host ports that belong to somebody else already.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

use crate::family::Family;
use crate::mappings::{Mapping, Ports, Protocol};
use crate::owner::Holder;

/// Host ports of one family that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The protocol.
    pub protocol: Protocol,
    /// At which address of the host; `None` is any.
    pub address: Option<IpAddr>,
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

/// A mapping that can't be, since its host ports belong to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What was asked for.
    pub mapping: Mapping,
    /// What stands in its way.
    pub taken: Taken,
    /// Whose that is.
    pub holder: Holder,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mapping, taken, holder } = self;
        let ports = Ports(taken.first, taken.last);
        write!(f, "{mapping}: {} ", taken.protocol)?;
        match taken.address {
            None => write!(f, "host port {ports}")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{ports}")?,
            Some(address) => write!(f, "{address}:{ports}")?,
        }
        write!(f, " belongs to {holder}")
    }
}

/// The mappings of a request, to be asked about one taken port after the other.
///
/// Any address overlaps every single one of its family. Asking takes logarithmic time.
#[derive(Debug, Default)]
pub struct Index {
    /// Mappings at whatever address.
    all: HashMap<Protocol, Spans>,
    /// Mappings at one address; `None`: at any.
    by_address: HashMap<(Protocol, Option<IpAddr>), Spans>,
}

impl Index {
    /// Of those mappings that are in the family.
    pub fn new(mappings: &[Mapping], family: Family) -> Self {
        let mut index = Self::default();
        let mut order: Vec<&Mapping> =
            mappings.iter().filter(|mapping| mapping.host_ip.is_in(family)).collect();
        order.sort_by_key(|mapping| mapping.host_port);
        for mapping in order {
            let key = (mapping.protocol, mapping.host_ip.one());
            index.all.entry(mapping.protocol).or_default().push(mapping);
            index.by_address.entry(key).or_default().push(mapping);
        }
        index
    }

    /// A mapping that overlaps what is taken.
    pub fn overlap(&self, taken: &Taken) -> Option<Mapping> {
        let within = |spans: Option<&Spans>| spans.and_then(|spans| spans.overlap(taken));
        match taken.address {
            None => within(self.all.get(&taken.protocol)),
            address => [None, address]
                .into_iter()
                .find_map(|address| within(self.by_address.get(&(taken.protocol, address)))),
        }
    }
}

/// Mappings in order of their first port, each with the furthest reaching one up to it.
#[derive(Debug, Default)]
struct Spans(Vec<(u16, Mapping)>);

impl Spans {
    fn push(&mut self, mapping: &Mapping) {
        let furthest = match self.0.last() {
            Some((_, before)) if before.last_host_port() >= mapping.last_host_port() => *before,
            _ => *mapping,
        };
        self.0.push((mapping.host_port, furthest));
    }

    fn overlap(&self, taken: &Taken) -> Option<Mapping> {
        let begun = self.0.partition_point(|(first, _)| {
            #[cfg(test)]
            tests::LOOKS.set(tests::LOOKS.get() + 1);
            *first <= taken.last
        });
        let (_, furthest) = self.0.get(begun.checked_sub(1)?)?;
        (furthest.last_host_port() >= taken.first).then_some(*furthest)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many mappings were compared with what is taken.
        pub(super) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    fn mapping(ip: &str, host_port: u16, range: u16) -> Mapping {
        let host_ip = ip.parse().unwrap();
        Mapping { host_ip, host_port, container_port: 80, range, protocol: Protocol::Tcp }
    }

    fn taken(address: &str, first: u16, last: u16) -> Taken {
        Taken { protocol: Protocol::Tcp, address: address.parse().ok(), first, last }
    }

    fn overlaps(mappings: &[Mapping], taken: &Taken) -> bool {
        Index::new(mappings, Family::V4).overlap(taken).is_some()
    }

    #[test]
    fn any_address_overlaps_a_single_one() {
        assert!(overlaps(&[mapping("", 80, 1)], &taken("192.0.2.1", 80, 80)));
        assert!(overlaps(&[mapping("192.0.2.1", 80, 1)], &taken("", 80, 80)));
        assert!(overlaps(&[mapping("192.0.2.1", 80, 1)], &taken("192.0.2.1", 80, 80)));
        assert!(!overlaps(&[mapping("192.0.2.1", 80, 1)], &taken("192.0.2.2", 80, 80)));
    }

    #[test]
    fn the_other_family_and_the_other_protocol_do_not_overlap() {
        assert!(!overlaps(&[mapping("::", 80, 1)], &taken("", 80, 80)));
        let udp = Mapping { protocol: Protocol::Udp, ..mapping("", 80, 1) };
        assert!(!overlaps(&[udp], &taken("", 80, 80)));
    }

    #[test]
    fn ranges_overlap_at_their_edges_and_behind_shorter_ones() {
        let ranges = [mapping("", 100, 100), mapping("", 110, 1), mapping("", 300, 1)];
        for (first, last, expected) in
            [(1, 99, false), (1, 100, true), (199, 199, true), (200, 299, false), (250, 300, true)]
        {
            assert_eq!(overlaps(&ranges, &taken("", first, last)), expected, "{first}-{last}");
        }
    }

    #[test]
    fn a_conflict_names_both_sides() {
        let holder = Holder::Original { container_id: "other".to_owned() };
        let taken = taken("192.0.2.1", 80, 89);
        let conflict = Conflict { mapping: mapping("", 80, 1), taken, holder };
        assert_eq!(
            conflict.to_string(),
            "tcp host port 80 to container port 80: tcp 192.0.2.1:80-89 belongs to container other \
             (mapped by Mesos's original port mapper)"
        );
    }

    #[test]
    fn each_of_ten_thousand_is_compared_with_a_few_of_ten_thousand() {
        let mappings: Vec<Mapping> = (1..=10_000).map(|port| mapping("", port, 1)).collect();
        let index = Index::new(&mappings, Family::V4);
        LOOKS.set(0);
        assert!((20_000..30_000).all(|port| index.overlap(&taken("", port, port)).is_none()));
        assert!((1..=10_000).all(|port| index.overlap(&taken("", port, port)).is_some()));
        let most = 20_000 * 15;
        assert!((20_000..=most).contains(&LOOKS.get()), "{} comparisons", LOOKS.get());
    }
}
