//! A port mapper that `--peer` names: chained, with its own keys.

use serde_json::Map;

use super::{Kind, Position, Row, Variant};
use crate::options::Peer;
use crate::outcome::Outcome;
use crate::programs::Programs;

pub(super) fn row(peer: &Peer, programs: &Programs) -> Outcome<Row> {
    let keys = match &peer.config {
        None => Map::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
            text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
                .map_err(|problem| format!("--peer {}: {}: {problem}", peer.name, path.display()))?
        }
    };
    Ok(Row {
        name: peer.name.clone(),
        kind: Kind::Peer,
        program: peer.program.clone(),
        position: Position::Chained,
        variant: Variant::Nft,
        keys,
        by_existing: true,
        delegates: programs.delegate.clone(),
    })
}
