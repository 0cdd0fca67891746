//! The plugin's own keys in the network configuration.

use std::path::PathBuf;

use cni_telemetry::Sinks;
use cni_wrapper::{Call, Error, refuse_renamed_keys};
use serde::Deserialize;

/// Old and new names of keys.
const RENAMED: [(&str, &str); 1] = [("traceFile", "recordingFile")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    recording_file: PathBuf,
    metrics_file: Option<PathBuf>,
    spans_file: Option<PathBuf>,
    redact: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            recording_file: "/var/log/cni-trace.jsonl".into(),
            metrics_file: None,
            spans_file: None,
            redact: Sinks::default().redact().to_vec(),
        }
    }
}

/// Returns the files that a call is written to.
///
/// # Errors
///
/// Code 7, with the key.
pub(crate) fn sinks(call: &Call) -> Result<Sinks, Error> {
    refuse_renamed_keys(&call.config, &RENAMED)?;
    let Config { recording_file, metrics_file, spans_file, redact } = call.read_config()?;
    let sinks = Sinks::default()
        .with_recording("recordingFile", recording_file)
        .with_metrics("metricsFile", metrics_file)
        .with_spans("spansFile", spans_file)
        .with_redact("redact", redact);
    sinks.check()?;
    Ok(sinks)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::RENAMED;

    #[test]
    fn the_schema_has_every_key_that_was_renamed() {
        let schema: Value = serde_json::from_str(include_str!("../schema.json")).unwrap();
        let renamed = schema["x-renamed"].as_object().unwrap();
        assert_eq!(renamed.len(), RENAMED.len());
        assert!(RENAMED.iter().all(|(old, new)| renamed[*old] == *new), "{renamed:?}");
    }
}
