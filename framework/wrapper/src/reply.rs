//! One document on stdout and an exit status.

use std::io::{self, Write};

use cni_protocol::{AddResult, ErrorObject, Object, Rejection, SpecVersion};
use serde_json::Value;

use crate::error::Error;

/// What a plugin answers a runtime with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// ADD: the result.
    Added(AddResult),
    /// DEL, CHECK, GC and STATUS print nothing on success.
    Done,
    /// VERSION.
    Version(Object),
    /// An error object, whatever the verb.
    Failed(Error, SpecVersion),
}

impl Reply {
    /// What goes to stdout.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Added(result) => result.to_bytes(),
            Self::Done => Vec::new(),
            Self::Version(document) => line(document.clone()),
            Self::Failed(error, version) => line(ErrorObject::from(error).to_document(*version)),
        }
    }

    /// The exit status: 0, or 1 for every error, since an exit status holds no more than 8 bits of a code.
    pub fn exit_status(&self) -> u8 {
        u8::from(matches!(self, Self::Failed(..)))
    }

    /// Writes the document in one go.
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
