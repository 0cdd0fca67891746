//! Errors about results.

use serde_json::Value;

use crate::{
    json::kind,
    version::{SpecVersion, UnknownVersion},
};

/// A result that can't be parsed, converted or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultError {
    /// The output is empty, or only white space.
    #[error("there is no result: the output is empty")]
    Nothing,
    /// The output is `null`.
    #[error("there is no result: the output is `null`")]
    Null,
    /// Malformed JSON, more text after the object, nesting deeper than 127 levels, a byte order
    /// mark, or text that is not UTF-8.
    #[error("the result is not exactly one JSON object: {0}")]
    Json(serde_json::Error),
    /// Well-formed JSON of another type.
    #[error("the result has to be a JSON object, not {0}")]
    NotAnObject(
        /// The type that was found, with its article.
        &'static str,
    ),
    /// `cniVersion` is not known here.
    #[error("cniVersion: {0}; known are {known}", known = SpecVersion::list())]
    UnknownVersion(UnknownVersion),
    /// It has more values than any container needs for addresses and routes.
    #[error("the result has more than {most} values")]
    TooMuch {
        /// The allowed number, lists and objects included.
        most: usize,
    },
    /// A member does not fit its version of the specification.
    #[error("{key}: {why}")]
    Member {
        /// The path of the member, such as `ips[0].address`.
        key: String,
        /// What was found and what is expected.
        why: String,
    },
    /// 0.1.0 and 0.2.0 have no result without an address.
    #[error("a result without an address can't be converted from CNI {from} to {to}")]
    NoAddress {
        /// The version of the result.
        from: SpecVersion,
        /// The requested version.
        to: SpecVersion,
    },
    /// The layout of the result's version has no place for what was to be added.
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
