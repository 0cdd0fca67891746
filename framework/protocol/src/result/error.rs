//! What can be wrong with a result.

use serde_json::Value;

use crate::{
    json::kind,
    version::{SpecVersion, UnknownVersion},
};

/// A result that can't be read, converted or changed as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// There was nothing, or only white space.
    #[error("there is no result: the output is empty")]
    Nothing,
    /// The word `null` in place of a result.
    #[error("there is no result: the output is `null`")]
    Null,
    /// Broken JSON, something after the object, nesting deeper than 127 levels, a byte order mark, text that is
    /// not UTF-8.
    #[error("the result is not exactly one JSON object: {0}")]
    Json(serde_json::Error),
    /// Well-formed JSON of another type.
    #[error("the result has to be a JSON object, not {0}")]
    NotAnObject(
        /// What it is, with its article.
        &'static str,
    ),
    /// `cniVersion` is none of those known here.
    #[error("cniVersion: {0}; known are {known}", known = SpecVersion::list())]
    UnknownVersion(UnknownVersion),
    /// More than any container has addresses and routes.
    #[error("the result holds more than {most} values")]
    TooMuch {
        /// How many it may hold, lists and objects included.
        most: usize,
    },
    /// A member is not what its version of the specification says.
    #[error("{key}: {why}")]
    Member {
        /// Path of the member, such as `ips[0].address`.
        key: String,
        /// What was found and what has to stand there.
        why: String,
    },
    /// 0.1.0 and 0.2.0 can't express a result without an address.
    #[error("a result without an address can't be converted from CNI {from} to {to}")]
    NoAddress {
        /// The version that it is in.
        from: SpecVersion,
        /// The version that was asked for.
        to: SpecVersion,
    },
    /// The form of the result's version has no place for what was to be added.
    #[error("a result of CNI {version} has no place for {what}")]
    NoPlace {
        /// What was to be added.
        what: &'static str,
        /// The version of the result.
        version: SpecVersion,
    },
}

impl ResultError {
    pub(super) fn member(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Member { key: key.into(), why: why.into() }
    }

    pub(super) fn wrong_type(key: impl Into<String>, wanted: &str, found: &Value) -> Self {
        Self::member(key, format!("has to be {wanted}, not {}", kind(found)))
    }
}
