//! JSON reports, read and written.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::document::{Document, FORM};
use crate::verdicts::Verdicts;

impl Document {
    /// Reads a JSON report from a file.
    ///
    /// # Errors
    /// When it can't be read, is no report, or one in a form of the future.
    pub fn read(path: &Path) -> Result<Self, String> {
        let place = path.display();
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("can't read {place}: {error}"))?;
        Self::parse(&text).map_err(|problem| format!("{place}: {problem}"))
    }

    /// Reads a JSON report.
    ///
    /// # Errors
    /// When it is no report, or one in a form of the future.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        match document.get("report").map(Value::as_u64) {
            Some(Some(form)) if form == u64::from(FORM) => {}
            Some(Some(form)) => {
                return Err(format!("a report of the form {form}; this program reads {FORM}"));
            }
            _ if serde_json::from_value::<Verdicts>(document).is_ok() => {
                return Err(
                    "a list of verdicts, with which later runs are compared; for a report: \
                     cni-conformance run … --report json=FILE"
                        .to_owned(),
                );
            }
            _ => return Err(format!("no report of cni-conformance: it has no \"report\": {FORM}")),
        }
        serde_json::from_value(document).map_err(|error| format!("no whole report: {error}"))
    }

    /// The report as JSON, for a file.
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        // Strings, numbers and maps with words as keys: there is nothing in it that JSON has no form for.
        text.unwrap_or_else(|error| panic!("{error}")) + "\n"
    }
}
