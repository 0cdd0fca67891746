//! Problems: invalid values in the configuration.

use cni_wrapper::json::shown;
use serde_json::Value;

/// One invalid value in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct Problem {
    /// The path of the key, such as `runtimeConfig.portMappings[0].hostPort`.
    pub key: String,
    /// The value, what is wrong with it, and what to do.
    pub why: String,
}

impl Problem {
    /// Returns a problem with the value of `key`.
    pub fn new(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self { key: key.into(), why: why.into() }
    }
}

/// Returns the message for a value that is not of the expected type.
pub(crate) fn unexpected(value: &Value, expected: &str) -> String {
    format!("{} is not {expected}", shown(value))
}
