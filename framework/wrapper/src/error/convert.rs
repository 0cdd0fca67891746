//! From errors about files, and from those of `cni-protocol`.

use cni_protocol::{RequestError, result::ResultError};

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
