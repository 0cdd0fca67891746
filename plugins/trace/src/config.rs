//! The plugin's own keys.

use std::path::PathBuf;

use cni_telemetry::Sinks;
use cni_wrapper::{Call, Error};
use serde::Deserialize;

const KEYS: [&str; 4] = ["traceFile", "metricsFile", "spansFile", "redact"];

/// The keys, each with what stands for it when it is absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    trace_file: PathBuf,
    metrics_file: Option<PathBuf>,
    spans_file: Option<PathBuf>,
    redact: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trace_file: "/var/log/cni-trace.jsonl".into(),
            metrics_file: None,
            spans_file: None,
            redact: Sinks::default().redact,
        }
    }
}

/// Where the calls of a network are written down.
///
/// # Errors
///
/// Code 7, naming the key.
pub(crate) fn sinks(call: &Call) -> Result<Sinks, Error> {
    let Config { trace_file, metrics_file, spans_file, redact } = call.read_config()?;
    let recording = Some(trace_file);
    let sinks = Sinks { recording, metrics: metrics_file, spans: spans_file, redact };
    sinks.check(KEYS)?;
    Ok(sinks)
}
