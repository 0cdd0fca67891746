//! From errors about files, and from those of other crates.

use std::io;

use cni_plugin::{error::CniError, reply::ErrorReply};
use cni_protocol::{RequestError, SpecVersion, result::ResultError};

use super::{
    Error, code,
    file::{FileError, StoreError},
};

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let FileError { action, path, source } = error;
        Self::io(format!("cannot {action} {}", path.display()), source)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::File(error) => error.into(),
            StoreError::Damaged { path, why } => {
                Self::decode(format!("{}, which is damaged", path.display()), why)
            }
        }
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::IncompatibleVersion { what } => Self::IncompatibleVersion { what },
            RequestError::Environment { problems } => Self::Environment { problems },
            RequestError::Io { what, source } => Self::Io { what, source },
            RequestError::Decode { what, why } => Self::Decode { what, why },
            RequestError::Config { key, why } => Self::Config { key, why },
            // The two crates are released together, so a variant that is missing here is a bug.
            other => Self::Plugin { code: code::BUG, msg: other.to_string(), details: None },
        }
    }
}

impl From<ResultError> for Error {
    fn from(error: ResultError) -> Self {
        Self::decode("the result", error)
    }
}

/// For code written against the `cni-plugin` crate, whose errors then convert by `?`.
impl From<CniError> for Error {
    fn from(error: CniError) -> Self {
        // Converted at once, because it is neither Send nor Sync. We set the version when we
        // answer.
        let Ok(version) = SpecVersion::NEWEST.as_str().parse() else {
            unreachable!("the newest version is a semantic version")
        };
        error.into_reply(version).into()
    }
}

/// Code and text of the reply are kept.
impl From<ErrorReply<'_>> for Error {
    fn from(reply: ErrorReply<'_>) -> Self {
        match u32::try_from(reply.code) {
            Ok(5) => Self::io(reply.msg, io::Error::other(reply.details)),
            Ok(6) => Self::decode(reply.msg, reply.details),
            Ok(7) => Self::config(reply.msg, reply.details),
            Ok(4) => Self::Environment { problems: vec![reply.details] },
            Ok(1) => Self::IncompatibleVersion { what: reply.details },
            code => Self::Plugin {
                code: code.unwrap_or(code::BUG),
                msg: reply.msg.to_owned(),
                details: Some(reply.details),
            },
        }
    }
}
