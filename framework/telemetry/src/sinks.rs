//! Where it is written down what passes.

use std::path::{Path, PathBuf};

use cni_wrapper::Error;

/// Parts of key names whose values nobody should read. `key` is wide on purpose: too much hidden is seen at once, too little too late.
const SECRETS: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "key", "credential", "private"];

/// The files, each for another reader, and what the recording does not show. Only what is asked for is written.
#[derive(Clone, Debug)]
pub struct Sinks {
    /// A line of JSON for each call: what was told and answered, and by which delegates. `cni-conformance replay` reads it.
    pub recording: Option<PathBuf>,
    /// Counters and durations for the textfile collector of Prometheus's node_exporter.
    pub metrics: Option<PathBuf>,
    /// Spans in OTLP JSON, a line each call, as OpenTelemetry's collector reads and writes files. They continue the runtime's `TRACEPARENT`.
    pub spans: Option<PathBuf>,
    /// Parts of key names, in whatever case: what stands below them is hidden in the recording.
    pub redact: Vec<String>,
}

impl Default for Sinks {
    /// No file, and what is usually secret is hidden.
    fn default() -> Self {
        let redact = SECRETS.map(str::to_owned).to_vec();
        Self { recording: None, metrics: None, spans: None, redact }
    }
}

impl Sinks {
    /// Whether they can be written: absolute paths, since nobody knows a runtime's directory, not the same one twice, and no word to hide
    /// that is in every key. `keys` are the plugin's names for recording, metrics, spans and what is hidden.
    ///
    /// # Errors
    ///
    /// Code 7, naming the key.
    pub fn check(&self, keys: [&str; 4]) -> Result<(), Error> {
        let [recording, metrics, spans, redact] = keys;
        let all = [(recording, &self.recording), (metrics, &self.metrics), (spans, &self.spans)];
        let files = all.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
        check_files(&files.collect::<Vec<_>>())?;
        match self.redact.iter().position(String::is_empty) {
            None => Ok(()),
            Some(index) => {
                let why = "it is empty and would hide everything; name a part of the keys to hide";
                Err(Error::config(format!("{redact}[{index}]"), why))
            }
        }
    }
}

fn check_files(files: &[(&str, &Path)]) -> Result<(), Error> {
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
