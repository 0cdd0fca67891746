//! Ranges of host ports without overlaps, since the kernel refuses overlapping intervals.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::mappings::{Mapping, Protocol};
use crate::ordered;

/// Host ports that are mapped to the same ports of the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) protocol: Protocol,
    /// The address of the host; `None` for any.
    pub(super) address: Option<IpAddr>,
    pub(super) first: u16,
    pub(super) last: u16,
}

/// Returns the same ports at the same addresses, each once.
///
/// Ranges at all addresses come first. They are cut out of those at one address.
pub(super) fn disjoint(mappings: &[&Mapping]) -> Vec<Range> {
    let mut spans: BTreeMap<(Protocol, Option<IpAddr>), Vec<Span>> = BTreeMap::new();
    for mapping in mappings {
        let key = (mapping.protocol, mapping.host_ip.one());
        spans.entry(key).or_default().push((mapping.host_port, mapping.last_host_port()));
    }
    let joined = ordered::map(spans.into_iter().map(|(key, all)| (key, joined(all))));
    let mut ranges = Vec::new();
    for ((protocol, address), all) in &joined {
        let covers = joined.get(&(*protocol, None)).filter(|_| address.is_some());
        let covers = covers.map_or(&[][..], Vec::as_slice);
        for (first, last) in all.iter().flat_map(|span| uncovered(*span, covers)) {
            ranges.push(Range { protocol: *protocol, address: *address, first, last });
        }
    }
    ranges
}

/// The first and the last port.
type Span = (u16, u16);

/// Sorts spans and joins those that overlap or touch.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::new();
    for (first, last) in spans {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Returns the parts of a span that are not covered by others, which are sorted and disjoint.
fn uncovered((first, last): Span, covers: &[Span]) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut next = u32::from(first);
    for &(from, to) in covers.iter().filter(|(from, to)| *from <= last && *to >= first) {
        if next < u32::from(from) {
            parts.push((next as u16, from - 1));
        }
        next = u32::from(to) + 1;
    }
    if next <= u32::from(last) {
        parts.push((next as u16, last));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(ip: &str, first: u16, last: u16) -> Mapping {
        let range = last - first + 1;
        let (host_ip, protocol) = (ip.parse().unwrap(), Protocol::Udp);
        Mapping { host_ip, host_port: first, container_port: first, range, protocol }
    }

    /// Returns `ADDRESS FIRST-LAST` for each range.
    fn shown(mappings: &[Mapping]) -> Vec<String> {
        let ranges = disjoint(&mappings.iter().collect::<Vec<_>>());
        let address = |range: &Range| range.address.map_or("any".to_owned(), |ip| ip.to_string());
        ranges
            .iter()
            .map(|range| format!("{} {}-{}", address(range), range.first, range.last))
            .collect()
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        let all =
            [mapping("", 30, 40), mapping("", 10, 19), mapping("", 20, 25), mapping("", 35, 50)];
        assert_eq!(shown(&all), ["any 10-25", "any 30-50"]);
        assert_eq!(shown(&[mapping("", 1, 65535), mapping("", 7, 7)]), ["any 1-65535"]);
    }

    #[test]
    fn a_range_at_one_address_is_cut_where_any_address_covers_it() {
        let one = mapping("192.0.2.1", 10, 40);
        assert_eq!(
            shown(&[one, mapping("", 15, 19), mapping("", 30, 50)]),
            ["any 15-19", "any 30-50", "192.0.2.1 10-14", "192.0.2.1 20-29"]
        );
        assert_eq!(shown(&[one, mapping("", 10, 40)]), ["any 10-40"]);
        assert_eq!(shown(&[one, mapping("192.0.2.2", 10, 40)]).len(), 2, "addresses don't meet");
    }

    #[test]
    fn every_port_is_covered_once_for_random_ranges() {
        let mut seed = 11_u32;
        let mut next = |below: u16| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) as u16 % below
        };
        for _ in 0..2000 {
            let some: Vec<Mapping> = (0..5)
                .map(|_| {
                    let first = 1 + next(30);
                    mapping(
                        ["", "192.0.2.1", "192.0.2.2"][usize::from(next(3))],
                        first,
                        first + next(9),
                    )
                })
                .collect();
            let ranges = disjoint(&some.iter().collect::<Vec<_>>());
            for address in
                ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| ip.parse::<IpAddr>().unwrap())
            {
                for port in 1..50 {
                    let is_at = |own: Option<IpAddr>| own.is_none_or(|own| own == address);
                    let requested = some.iter().any(|one| {
                        is_at(one.host_ip.one())
                            && (one.host_port..=one.last_host_port()).contains(&port)
                    });
                    let found = ranges
                        .iter()
                        .filter(|one| is_at(one.address) && (one.first..=one.last).contains(&port))
                        .count();
                    assert_eq!(found, usize::from(requested), "{address} {port} in {some:?}");
                }
            }
        }
    }
}
