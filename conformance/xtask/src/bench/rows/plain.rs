//! What maps nothing: a wrapper that adds nothing, the delegate alone, one transaction, no work at all.

use std::path::Path;

use serde_json::Map;

use super::{Kind, Position, Row, Variant};
use crate::bench::programs::Programs;

pub(crate) const NOTHING: &str = "no-op wrapper";
pub(crate) const DELEGATE: &str = "bare delegate";
pub(crate) const TRANSACTION: &str = "one transaction";
pub(crate) const EMPTY: &str = "empty process";

pub(super) fn rows(programs: &Programs) -> Vec<Row> {
    let delegates = programs.delegate.parent().unwrap_or(&programs.delegate);
    let row = |name: &str, program: &Path| Row {
        name: name.to_owned(),
        kind: Kind::Floor,
        program: program.to_owned(),
        position: Position::Wrapper,
        variant: Variant::Nft,
        keys: Map::new(),
        by_existing: name == TRANSACTION,
        delegates: delegates.to_owned(),
    };
    vec![
        row(NOTHING, &programs.nothing),
        row(DELEGATE, &programs.delegate),
        row(TRANSACTION, &programs.transaction),
        row(EMPTY, &programs.empty),
    ]
}
