//! Mappings of one request that contradict each other: one host port, two container ports.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Mapping, Protocol};
use crate::family::Family;

/// Returns the first contradiction of each mapping that has one, as indices `(earlier, later)` in
/// the order of host ports.
///
/// It is one pass over the mappings sorted by host port: tens of thousands of them are no problem.
pub(super) fn contradictions(mappings: &[Mapping]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..mappings.len()).collect();
    order.sort_unstable_by_key(|&index| (mappings[index].host_port, index));
    let mut found: Vec<(usize, usize)> = Family::ALL
        .into_iter()
        .flat_map(|family| {
            let mut seen = Seen::default();
            order
                .iter()
                .filter(|&&index| mappings[index].host_ip.is_in(family))
                .filter_map(|&index| seen.visit(mappings, index).map(|earlier| (earlier, index)))
                .collect::<Vec<_>>()
        })
        .collect();
    found.sort_unstable_by_key(|&(earlier, later)| (later, earlier));
    found.dedup_by_key(|&mut (_, later)| later);
    found
}

/// The mappings with the highest last ports among those that began before.
#[derive(Default)]
struct Seen {
    /// Among the mappings of all addresses.
    all: HashMap<Protocol, Reach>,
    /// Among the mappings of one address; under `None` those of all addresses.
    by_address: HashMap<(Protocol, Option<IpAddr>), Reach>,
}

impl Seen {
    fn visit(&mut self, mappings: &[Mapping], index: usize) -> Option<usize> {
        let mapping = &mappings[index];
        let protocol = mapping.protocol;
        let address = mapping.host_ip.one();
        let found = match address {
            None => self.all.get(&protocol).and_then(|reach| reach.contradiction(mapping)),
            Some(_) => [None, address].into_iter().find_map(|address| {
                self.by_address.get(&(protocol, address))?.contradiction(mapping)
            }),
        };
        self.all.entry(protocol).or_default().add(mapping, index);
        self.by_address.entry((protocol, address)).or_default().add(mapping, index);
        found
    }
}

/// The mapping with the highest last port, and the highest of those with another offset.
///
/// Whatever the offset of the next mapping, one of the two is the highest that contradicts it.
#[derive(Default)]
struct Reach {
    best: Option<End>,
    other: Option<End>,
}

#[derive(Clone, Copy)]
struct End {
    last: u16,
    offset: i32,
    index: usize,
}

impl Reach {
    fn add(&mut self, mapping: &Mapping, index: usize) {
        let end = End { last: mapping.last_host_port(), offset: offset(mapping), index };
        match self.best {
            Some(best) if best.offset == end.offset => {
                if end.last > best.last {
                    self.best = Some(end);
                }
            }
            Some(best) if end.last > best.last => {
                self.other = Some(best);
                self.best = Some(end);
            }
            Some(_) if self.other.is_none_or(|other| end.last > other.last) => {
                self.other = Some(end);
            }
            Some(_) => {}
            None => self.best = Some(end),
        }
    }

    /// Returns a mapping that leads a port of `mapping` to another container port.
    fn contradiction(&self, mapping: &Mapping) -> Option<usize> {
        #[cfg(test)]
        tests::COMPARISONS.set(tests::COMPARISONS.get() + 1);
        [self.best, self.other]
            .into_iter()
            .flatten()
            .find(|end| end.last >= mapping.host_port && end.offset != offset(mapping))
            .map(|end| end.index)
    }
}

/// Returns the difference between container port and host port.
fn offset(mapping: &Mapping) -> i32 {
    i32::from(mapping.container_port) - i32::from(mapping.host_port)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The number of times that a mapping was compared with the two highest before it.
        pub(in crate::mappings) static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    /// `IP host+range->container`.
    fn mapping(ip: &str, host_port: u16, range: u16, container_port: u16) -> Mapping {
        let host_ip = ip.parse().unwrap();
        Mapping { host_ip, host_port, container_port, range, protocol: Protocol::Tcp }
    }

    #[test]
    fn one_host_port_with_two_container_ports_is_found() {
        let two = [mapping("", 80, 1, 8080), mapping("", 80, 1, 8081)];
        assert_eq!(contradictions(&two), [(0, 1)]);
    }

    #[test]
    fn any_address_overlaps_a_single_one_in_either_order() {
        let one = mapping("192.0.2.1", 80, 1, 1);
        assert_eq!(contradictions(&[mapping("", 80, 1, 2), one]), [(0, 1)]);
        assert_eq!(contradictions(&[one, mapping("0.0.0.0", 80, 1, 2)]), [(0, 1)]);
        assert_eq!(contradictions(&[one, mapping("::", 80, 1, 2)]), []);
        assert_eq!(contradictions(&[one, mapping("192.0.2.2", 80, 1, 2)]), []);
    }

    #[test]
    fn overlapping_ranges_are_found_even_behind_a_longer_range_that_agrees() {
        let range = mapping("", 100, 50, 100);
        assert_eq!(contradictions(&[range, mapping("", 149, 1, 7)]), [(0, 1)]);
        assert_eq!(contradictions(&[range, mapping("", 150, 1, 7)]), []);
        let hidden = [
            mapping("", 100, 90, 100),
            mapping("192.0.2.1", 120, 20, 120),
            mapping("192.0.2.1", 130, 1, 9),
        ];
        assert_eq!(contradictions(&hidden), [(0, 2)]);
        let range = |first, length, container_port| mapping("", first, length, container_port);
        let three_ways =
            [range(100, 100, 100), range(110, 1, 7), range(120, 31, 8), range(130, 1, 130)];
        assert_eq!(contradictions(&three_ways), [(0, 1), (0, 2), (2, 3)]);
    }

    #[test]
    fn mappings_that_agree_may_overlap() {
        assert_eq!(
            contradictions(&[mapping("", 100, 50, 100), mapping("192.0.2.1", 120, 1, 120)]),
            []
        );
    }

    #[test]
    fn mappings_of_different_protocols_do_not_contradict() {
        let udp = Mapping { protocol: Protocol::Udp, ..mapping("", 53, 1, 1) };
        assert_eq!(contradictions(&[udp, mapping("", 53, 1, 2)]), []);
    }

    #[test]
    fn the_result_agrees_with_comparing_every_pair() {
        let mut seed = 7_u32;
        let mut next = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % below
        };
        for _ in 0..2000 {
            let some: Vec<Mapping> = (0..6)
                .map(|_| {
                    let ip = ["", "0.0.0.0", "::", "192.0.2.1", "192.0.2.2"][next(5) as usize];
                    let port = 1 + next(12) as u16;
                    mapping(ip, port, 1 + next(4) as u16, port + next(2) as u16)
                })
                .collect();
            let contradicts = |a: &Mapping, b: &Mapping| {
                let met = Family::ALL.iter().any(|&f| a.host_ip.is_in(f) && b.host_ip.is_in(f));
                let (one, two) = (a.host_ip.one(), b.host_ip.one());
                met && (one.is_none() || two.is_none() || one == two)
                    && a.host_port <= b.last_host_port()
                    && b.host_port <= a.last_host_port()
                    && offset(a) != offset(b)
            };
            let pairs = (0..6).any(|i| (0..i).any(|j| contradicts(&some[i], &some[j])));
            let found = contradictions(&some);
            assert_eq!(!found.is_empty(), pairs, "{some:?}");
            assert!(found.iter().all(|&(a, b)| contradicts(&some[a], &some[b])), "{some:?}");
        }
    }
}
