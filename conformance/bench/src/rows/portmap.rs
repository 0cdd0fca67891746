//! Debian's `portmap`, which can only be chained.

use serde_json::Map;

use super::{Kind, Position, Row, Variant};
use crate::programs::{PORTMAP, Programs};

pub(super) fn rows(programs: &Programs) -> Vec<Row> {
    let row = |variant: Variant| Row {
        name: format!("portmap iptables-{}", variant.name()),
        kind: Kind::Peer,
        program: PORTMAP.into(),
        position: Position::Chained,
        variant,
        keys: Map::new(),
        by_existing: true,
        delegates: programs.delegate.clone(),
    };
    [Variant::Nft, Variant::Legacy].map(row).into()
}
