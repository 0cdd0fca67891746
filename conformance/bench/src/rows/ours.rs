//! This project's port mapper, as a wrapper around a delegate that does nothing.

use serde_json::{Map, json};

use super::{Kind, Position, Row, Variant};
use crate::programs::Programs;

/// The backends, and the iptables variant of their hosts.
const BACKENDS: [(&str, Variant); 3] = [
    ("nftables", Variant::Nft),
    ("iptables-nft", Variant::Nft),
    ("iptables-legacy", Variant::Legacy),
];

pub(super) fn rows(programs: &Programs) -> Vec<Row> {
    let delegates = programs.delegate.parent().unwrap_or(&programs.delegate);
    let row = |(backend, variant): (&str, Variant)| Row {
        name: backend.to_owned(),
        kind: Kind::Ours,
        program: programs.port_mapper.clone(),
        position: Position::Wrapper,
        variant,
        keys: Map::from_iter([("backend".to_owned(), json!(backend))]),
        by_existing: true,
        delegates: delegates.to_owned(),
    };
    BACKENDS.map(row).into()
}
