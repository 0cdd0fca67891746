//! Figures for tests.

use super::figures::{Calls, Figures, RowFigures, Times};
use super::machine::Machine;
use super::rows::Kind;

const ROWS: [(&str, Kind); 6] = [
    ("nftables", Kind::Ours),
    ("iptables-nft", Kind::Ours),
    ("iptables-legacy", Kind::Ours),
    ("portmap iptables-nft", Kind::Peer),
    ("portmap iptables-legacy", Kind::Peer),
    ("one transaction", Kind::Baseline),
];

/// Returns figures in which every ADD took 2 ms and every DEL 3 ms.
pub(crate) fn figures() -> Figures {
    let existing = vec![0, 100, 1000, 10_000];
    let times = |median_ms| Times { median_ms, p90_ms: median_ms * 1.5, calls: 30, failed: 0 };
    let calls = |existing| Calls {
        existing,
        add: times(2.0),
        del: times(3.0),
        peak_kib: 4096,
        own_kib: 2048,
    };
    let row = |(name, kind): (&str, Kind)| RowFigures {
        name: name.to_owned(),
        kind,
        failures: Vec::new(),
        binary_bytes: 1 << 20,
        calls: existing.iter().copied().map(calls).collect(),
        traffic: Vec::new(),
        concurrent: Vec::new(),
        processes: None,
    };
    let rows = ROWS.map(row).into();
    Figures { version: 2, machine: Machine::default(), existing, concurrent: vec![0, 1000], rows }
}

/// Sets the medians of a row's ADD and DEL.
pub(crate) fn set(figures: &mut Figures, name: &str, existing: usize, add: f64, del: f64) {
    for row in figures.rows.iter_mut().filter(|row| row.name == name) {
        for calls in row.calls.iter_mut().filter(|calls| calls.existing == existing) {
            calls.add.median_ms = add;
            calls.del.median_ms = del;
        }
    }
}
