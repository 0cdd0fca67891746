//! The answer to a runtime: one document on stdout and an exit status.

use std::io::{self, Write};

use cni_protocol::{AddResult, ErrorObject, Object, Rejection, SpecVersion};
use serde_json::Value;

use crate::error::Error;

/// The answer of a plugin to a runtime.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The result of ADD.
    Added(AddResult),
    /// The success of DEL, CHECK, GC and STATUS, which print nothing.
    Done,
    /// The answer to VERSION.
    Version(Object),
    /// The error of any verb, and the version in which it is printed.
    Failed(Error, SpecVersion),
}

impl Reply {
    /// Returns the bytes for stdout.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Added(result) => result.to_bytes(),
            Self::Done => Vec::new(),
            Self::Version(document) => line(document.clone()),
            Self::Failed(error, version) => line(ErrorObject::from(error).to_document(*version)),
        }
    }

    /// Returns the exit status: 0, or 1 for every error, because it has only 8 bits for a code.
    pub fn exit_status(&self) -> u8 {
        u8::from(matches!(self, Self::Failed(..)))
    }

    /// Writes the document with one system call if possible.
    ///
    /// # Errors
    ///
    /// Stdout is closed or full.
    pub fn write(&self, mut stdout: impl Write) -> io::Result<()> {
        stdout.write_all(&self.to_bytes())?;
        stdout.flush()
    }
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        Self::Failed(rejection.error.into(), rejection.version)
    }
}

fn line(document: Object) -> Vec<u8> {
    let mut bytes = Value::Object(document).to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}
