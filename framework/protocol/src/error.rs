//! What can be wrong with a call.

use std::io;

use crate::version::SpecVersion;

/// A call that can't be served as it was made.
///
/// Each variant has one code of the specification, see [`RequestError::code`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// `cniVersion` is not known here, or the verb does not exist in that version. Code 1.
    #[error("{what}; known versions are {}", SpecVersion::list())]
    IncompatibleVersion {
        /// The version that was requested, and why it can't be served.
        what: String,
    },
    /// Environment variables are missing or wrong; all of them are listed. Code 4.
    #[error("{}", problems.join("; "))]
    Environment {
        /// One sentence for each variable, beginning with its name.
        problems: Vec<String>,
    },
    /// Reading the configuration failed. Code 5.
    #[error("{what}: {source}")]
    Io {
        /// What was being read.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The configuration is not a JSON object, or `name` or `cniVersion` is not a string. Code 6.
    #[error("{what}: {why}")]
    Decode {
        /// What was being decoded.
        what: String,
        /// What is wrong with it, and where.
        why: String,
    },
    /// A key of the configuration is missing or has a wrong value. Code 7.
    #[error("{key}: {why}")]
    Config {
        /// The path of the key, such as `runtimeConfig.portMappings[0].hostPort`.
        key: String,
        /// The value that was found, what is wrong with it and what to do.
        why: String,
    },
}

impl RequestError {
    /// Returns the error's code (specification, section 5, "Error").
    pub fn code(&self) -> u32 {
        match self {
            Self::IncompatibleVersion { .. } => 1,
            Self::Environment { .. } => 4,
            Self::Io { .. } => 5,
            Self::Decode { .. } => 6,
            Self::Config { .. } => 7,
        }
    }

    pub(crate) fn decode(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Decode { what: what.into(), why: why.to_string() }
    }

    pub(crate) fn config(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Config { key: key.into(), why: why.into() }
    }
}
