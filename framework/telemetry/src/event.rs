//! What was seen: the call itself, or one run of a delegate within it.

use std::time::{Duration, SystemTime};

use cni_wrapper::{Error, ErrorObject, Object, SpecVersion, Verb};

/// One verb, asked and answered.
pub(crate) struct Event {
    /// The `type` of who was asked.
    pub(crate) plugin: String,
    pub(crate) verb: Verb,
    /// The version that it was asked in.
    pub(crate) version: SpecVersion,
    /// What it was told.
    pub(crate) config: Object,
    pub(crate) begun: SystemTime,
    pub(crate) took: Duration,
    /// The result, if the verb has one, or the error object.
    pub(crate) outcome: Result<Option<Object>, Object>,
    /// Its span's id; empty when there are no spans.
    pub(crate) span: String,
}

impl Event {
    /// 0, or the code of the error.
    pub(crate) fn code(&self) -> u64 {
        match &self.outcome {
            Ok(_) => 0,
            Err(error) => error.get("code").and_then(serde_json::Value::as_u64).unwrap_or_default(),
        }
    }

    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX)
    }
}

/// An error as a runtime reads it.
pub(crate) fn told(error: &Error, version: SpecVersion) -> Object {
    ErrorObject::from(error).to_document(version)
}
