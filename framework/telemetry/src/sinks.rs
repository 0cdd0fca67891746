//! The files that calls are written to.

use std::path::{Path, PathBuf};

use cni_wrapper::Error;

use crate::redact::squeezed;

/// Words of names whose values are redacted by default. `key` and `session` are deliberately broad:
/// it is soon noticed if too much is redacted, but a leaked secret is noticed too late.
const SECRETS: [&str; 25] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pass",
    "pwd",
    "psk",
    "secret",
    "token",
    "jwt",
    "key",
    "apikey",
    "private",
    "credential",
    "creds",
    "auth",
    "oauth",
    "authorization",
    "authentication",
    "bearer",
    "cookie",
    "session",
    "sessionid",
    "cert",
    "certificate",
];

/// The files that a [`Tracer`](crate::Tracer) writes to, and what it redacts.
///
/// A sink that is not set is not written. Each is set together with its key in the plugin's
/// configuration, which error messages name.
///
/// ```
/// use cni_telemetry::Sinks;
/// use std::path::PathBuf;
///
/// let sinks = Sinks::default().with_spans("spansFile", PathBuf::from("spans.jsonl"));
/// let error = sinks.check().unwrap_err().to_string();
/// assert_eq!(error, "spansFile: \"spans.jsonl\" is not an absolute path");
/// ```
#[derive(Clone, Debug)]
pub struct Sinks {
    recording: Option<Sink>,
    metrics: Option<Sink>,
    spans: Option<Sink>,
    redact_key: &'static str,
    redact: Vec<String>,
}

#[derive(Clone, Debug)]
struct Sink {
    key: &'static str,
    path: PathBuf,
}

impl Default for Sinks {
    /// Returns sinks of which none is set, and which redact common names of secrets.
    fn default() -> Self {
        Self {
            recording: None,
            metrics: None,
            spans: None,
            redact_key: "redact",
            redact: SECRETS.map(str::to_owned).to_vec(),
        }
    }
}

impl Sinks {
    /// Sets the file for a line of JSON for each call, with its input, its outcome and its delegate
    /// calls. `cni-conformance replay` reads it.
    #[must_use]
    pub fn with_recording(self, key: &'static str, path: impl Into<Option<PathBuf>>) -> Self {
        Self { recording: sink(key, path), ..self }
    }

    /// Sets the file for counters and durations, in the format of the textfile collector of
    /// Prometheus's node_exporter.
    #[must_use]
    pub fn with_metrics(self, key: &'static str, path: impl Into<Option<PathBuf>>) -> Self {
        Self { metrics: sink(key, path), ..self }
    }

    /// Sets the file for spans in OTLP JSON, one line for each call, in the format of the
    /// OpenTelemetry collector's files. The spans continue the runtime's `TRACEPARENT`.
    #[must_use]
    pub fn with_spans(self, key: &'static str, path: impl Into<Option<PathBuf>>) -> Self {
        Self { spans: sink(key, path), ..self }
    }

    /// Sets the words of the names of keys and variables whose values are redacted.
    ///
    /// A word is compared without its case and without separators, in the singular and the plural:
    /// `apikey` is in `myApiKeys` and in `MY_API_KEY`, but `auth` is not in `author`. Values that
    /// look like secrets, such as a PEM block, are redacted in any case.
    #[must_use]
    pub fn with_redact(self, key: &'static str, words: Vec<String>) -> Self {
        Self { redact_key: key, redact: words, ..self }
    }

    /// Returns the words of names whose values are redacted.
    pub fn redact(&self) -> &[String] {
        &self.redact
    }

    /// Checks the paths and what is redacted.
    ///
    /// Paths must be absolute, since the working directory is the runtime's, and all different. A
    /// word to redact must have a letter or a digit.
    ///
    /// # Errors
    ///
    /// Code 7, with the key.
    pub fn check(&self) -> Result<(), Error> {
        let sinks: Vec<&Sink> =
            [&self.recording, &self.metrics, &self.spans].into_iter().flatten().collect();
        for (index, sink) in sinks.iter().enumerate() {
            sink.check(&sinks[..index])?;
        }
        match self.redact.iter().position(|word| squeezed(word).is_empty()) {
            None => Ok(()),
            Some(index) => {
                let what = match self.redact[index].as_str() {
                    "" => "an empty string".to_owned(),
                    word => format!("{word:?}"),
                };
                let why = format!(
                    "{what} has no letter or digit; set it to a word in the names to redact"
                );
                Err(Error::config(format!("{}[{index}]", self.redact_key), why))
            }
        }
    }

    pub(crate) fn recording(&self) -> Option<&Path> {
        self.recording.as_ref().map(|sink| sink.path.as_path())
    }

    pub(crate) fn metrics(&self) -> Option<&Path> {
        self.metrics.as_ref().map(|sink| sink.path.as_path())
    }

    pub(crate) fn spans(&self) -> Option<&Path> {
        self.spans.as_ref().map(|sink| sink.path.as_path())
    }
}

fn sink(key: &'static str, path: impl Into<Option<PathBuf>>) -> Option<Sink> {
    path.into().map(|path| Sink { key, path })
}

impl Sink {
    fn check(&self, others: &[&Self]) -> Result<(), Error> {
        let Self { key, path } = self;
        if !path.is_absolute() {
            return Err(Error::config(*key, format!("{path:?} is not an absolute path")));
        }
        if let Some(other) = others.iter().find(|other| other.path == *path) {
            let why = format!("{path:?} is also the {}; use a different file for each", other.key);
            return Err(Error::config(*key, why));
        }
        Ok(())
    }
}
