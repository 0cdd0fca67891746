//! Programs that map no ports: a wrapper that adds nothing, three of them nested, the delegate
//! alone, one netlink transaction, a process that does nothing.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Kind, Position, Row, Variant};
use crate::programs::Programs;

pub(crate) const NOTHING: &str = "no-op wrapper";
pub(crate) const NESTED: &str = "three no-op wrappers";
pub(crate) const DELEGATE: &str = "bare delegate";
pub(crate) const TRANSACTION: &str = "one transaction";
/// Shows how much of the baseline is the loading of libraries.
pub(crate) const STATIC_TRANSACTION: &str = "one transaction, static";
pub(crate) const EMPTY: &str = "empty process";

pub(super) fn rows(programs: &Programs) -> Vec<Row> {
    let delegates = programs.delegate.parent().unwrap_or(&programs.delegate);
    let wrappers = programs.nothing.parent().unwrap_or(&programs.nothing);
    let row = |name: &str, program: &Path| Row {
        name: name.to_owned(),
        kind: Kind::Baseline,
        program: program.to_owned(),
        position: Position::Wrapper,
        variant: Variant::Nft,
        keys: if name == NESTED { nested() } else { Map::new() },
        by_existing: [TRANSACTION, STATIC_TRANSACTION].contains(&name),
        delegates: [delegates, wrappers].map(|path| path.to_string_lossy()).join(":").into(),
    };
    let mut rows = vec![
        row(NOTHING, &programs.nothing),
        row(NESTED, &programs.nothing),
        row(DELEGATE, &programs.delegate),
        row(TRANSACTION, &programs.transaction),
    ];
    rows.extend(programs.static_transaction.iter().map(|path| row(STATIC_TRANSACTION, path)));
    rows.push(row(EMPTY, &programs.empty));
    rows
}

/// Returns a configuration with two more wrappers and the delegate in the innermost.
fn nested() -> Map<String, Value> {
    let inner = json!({"type": "nothing", "delegate": {"type": "bench-delegate"}});
    Map::from_iter([("delegate".to_owned(), json!({"type": "nothing", "delegate": inner}))])
}
