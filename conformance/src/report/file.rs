//! Reads and writes JSON reports.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::document::{Document, FORMAT};
use crate::verdicts::Verdicts;

impl Document {
    /// Reads a JSON report from a file.
    ///
    /// # Errors
    /// Fails if the file can't be read, or is not a report in the format of this program.
    pub fn read(path: &Path) -> Result<Self, String> {
        let file = path.display();
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {file}: {error}"))?;
        Self::parse(&text).map_err(|problem| format!("{file}: {problem}"))
    }

    /// Reads a JSON report.
    ///
    /// # Errors
    /// Fails if the text is not a report in the format of this program.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        match document.get("report").map(Value::as_u64) {
            Some(Some(format)) if format == u64::from(FORMAT) => {}
            Some(Some(format)) => {
                return Err(format!(
                    "a report of format {format}; this program reads format {FORMAT}"
                ));
            }
            _ if serde_json::from_value::<Verdicts>(document).is_ok() => {
                return Err(
                    "a list of verdicts for later comparison, not a report; make a report with \
                     cni-conformance run PLUGIN --report json=FILE"
                        .to_owned(),
                );
            }
            _ => {
                return Err(format!(
                    "not a report of cni-conformance: it has no \"report\": {FORMAT}"
                ));
            }
        }
        serde_json::from_value(document).map_err(|error| format!("an incomplete report: {error}"))
    }

    /// Returns the report as JSON, for a file.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        // It consists of strings, numbers and maps with strings as keys, which JSON can represent.
        text.unwrap_or_else(|error| panic!("{error}")) + "\n"
    }
}
