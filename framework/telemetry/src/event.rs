//! An observed call: of the traced plugin, or of a delegate within it.

use std::time::{Duration, SystemTime};

use cni_wrapper::{Error, ErrorObject, Object, SpecVersion, Verb};

/// One call, with its input and its outcome.
pub(crate) struct Event {
    /// The `type` of the plugin that was called.
    pub(crate) plugin: String,
    pub(crate) verb: Verb,
    /// The version of the specification that the caller used.
    pub(crate) version: SpecVersion,
    /// The configuration that was passed to the plugin.
    pub(crate) config: Object,
    pub(crate) start: SystemTime,
    pub(crate) duration: Duration,
    /// The result, if the verb has one, or the error object.
    pub(crate) outcome: Result<Option<Object>, Object>,
    /// The end of what a delegate wrote to stderr.
    pub(crate) stderr: String,
    /// The id of its span; empty if no spans are written.
    pub(crate) span_id: String,
}

impl Event {
    /// Returns the code of the error, or 0 for a success.
    pub(crate) fn code(&self) -> u64 {
        match &self.outcome {
            Ok(_) => 0,
            Err(error) => error.get("code").and_then(serde_json::Value::as_u64).unwrap_or_default(),
        }
    }

    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX)
    }
}

/// Returns an error as the document that the caller reads.
pub(crate) fn error_document(error: &Error, version: SpecVersion) -> Object {
    ErrorObject::from(error).to_document(version)
}
