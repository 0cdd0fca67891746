//! The plugin's own keys.

use std::path::{Path, PathBuf};

use cni_wrapper::{Call, Error};
use serde::Deserialize;

/// Parts of key names whose values nobody should read. `key` is wide on purpose: too much hidden is seen at once, too little too late.
const SECRETS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "key", "credential", "private"];

/// The keys, each with what stands for it when it is absent.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Config {
    /// The recording.
    pub(crate) trace_file: PathBuf,
    /// Metrics for node_exporter's textfile collector.
    pub(crate) metrics_file: Option<PathBuf>,
    /// Spans in OTLP JSON.
    pub(crate) spans_file: Option<PathBuf>,
    /// Parts of key names, in whatever case.
    pub(crate) redact: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            trace_file: "/var/log/cni-trace.jsonl".into(),
            metrics_file: None,
            spans_file: None,
            redact: SECRETS.map(str::to_owned).to_vec(),
        }
    }
}

impl Config {
    /// Reads and checks them.
    ///
    /// # Errors
    ///
    /// Code 7, naming the key.
    pub(crate) fn read(call: &Call) -> Result<Self, Error> {
        let config: Self = call.read_config()?;
        let files = [
            ("traceFile", Some(&config.trace_file)),
            ("metricsFile", config.metrics_file.as_ref()),
            ("spansFile", config.spans_file.as_ref()),
        ];
        let files = files.into_iter().filter_map(|(key, path)| Some((key, path?.as_path())));
        check(&files.collect::<Vec<_>>())?;
        if let Some(index) = config.redact.iter().position(String::is_empty) {
            let why = "it is empty and would hide everything; name a part of the keys to hide";
            return Err(Error::config(format!("redact[{index}]"), why));
        }
        Ok(config)
    }
}

/// Absolute paths, since nobody knows a runtime's directory, and not the same one twice.
fn check(files: &[(&str, &Path)]) -> Result<(), Error> {
    for (index, (key, path)) in files.iter().enumerate() {
        if !path.is_absolute() {
            let why = format!("{path:?} is no absolute path, which is expected here");
            return Err(Error::config(*key, why));
        }
        if let Some((other, _)) = files[..index].iter().find(|(_, taken)| taken == path) {
            let why = format!("{path:?} is {other} already; give each a file of its own");
            return Err(Error::config(*key, why));
        }
    }
    Ok(())
}
