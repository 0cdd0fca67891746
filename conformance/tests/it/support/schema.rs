//! The published schema, with a third-party validator.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::Path;

use boon::{Compiler, Draft, Schemas};
use serde_json::Value;

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("report.schema.json")
}

/// Returns the schema as JSON.
pub(crate) fn schema() -> Value {
    serde_json::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap()
}

/// Returns why a report violates the schema.
pub(crate) fn refused(report: &Value) -> Option<String> {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    let place = file().display().to_string();
    let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|why| panic!("{why}"));
    schemas.validate(report, index).err().map(|why| format!("{why:#}"))
}
