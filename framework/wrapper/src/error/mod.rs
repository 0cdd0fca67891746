//! What can go wrong in a wrapper, and the one table from it to the codes of the specification.

mod code;
mod convert;
mod delegate;
mod exec;
mod file;
mod object;

use std::io;

use cni_protocol::SpecVersion;

pub use delegate::{DelegateError, DelegateFailure, Invocation};
pub use exec::ExecError;
pub use file::{FileError, StoreError};

/// Anything that makes a verb fail.
///
/// The description of each variant contains its code; [`Error::code`] returns it, and
/// `framework/wrapper/docs/errors.md` explains them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `cniVersion` is none that we know, or the verb does not exist in it. Code 1.
    #[error("{what}; this plugin speaks CNI {}", SpecVersion::list())]
    IncompatibleVersion {
        /// What was asked, and why it can't be.
        what: String,
    },
    /// A field that this plugin can't honour. Code 2; the message names key and value, as the spec demands.
    #[error("{key}: {value} is not supported: {why}")]
    UnsupportedField {
        /// Path of the field.
        key: String,
        /// Its value, as JSON.
        value: String,
        /// Why, and what would be.
        why: String,
    },
    /// The container is not known, and nothing has to be cleaned up for it. Code 3.
    #[error("container {0:?} is not known here")]
    UnknownContainer(String),
    /// Environment variables are missing or wrong; all of them are named. Code 4.
    #[error("{}", problems.join("; "))]
    Environment {
        /// One sentence each, beginning with the variable's name.
        problems: Vec<String>,
    },
    /// Reading or writing failed. Code 5.
    #[error("{what}: {source}")]
    Io {
        /// What was being done, with the path.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Text that is not what it should be: stdin that is no JSON object, a `cniVersion` that is no string. Code 6.
    #[error("{what}: {why}")]
    Decode {
        /// Which text.
        what: String,
        /// What is wrong with it, and where.
        why: String,
    },
    /// The network configuration is wrong. Code 7.
    #[error("{key}: {why}")]
    Config {
        /// Path of the key, such as `runtimeConfig.portMappings[0].hostPort`.
        key: String,
        /// The value that was found, what is wrong with it and what to do.
        why: String,
    },
    /// A passing condition: the same call may succeed later. Code 11.
    #[error("{0}")]
    TryAgainLater(String),
    /// Own cleanup failed, so the delegate was left alone and its addresses are still held.
    /// Code 11: call DEL again. But a wrong configuration keeps code 7 and a bug 999, which no repetition mends.
    #[error("{source}; the delegate was not called, so its address is still held; call DEL again")]
    CleanupFailed {
        /// Why the cleanup failed.
        source: Box<Error>,
    },
    /// STATUS: ADD can't be served. Code 50.
    #[error("{0}")]
    NotAvailable(String),
    /// STATUS: ADD can't be served, and existing containers may have limited connectivity. Code 51.
    #[error("{0}")]
    LimitedConnectivity(String),
    /// A delegate failed. Its own code and message if it gave them, else code 102.
    #[error(transparent)]
    Delegate(#[from] Box<DelegateError>),
    /// An error of the plugin's own, with a code from 100 up.
    #[error("{msg}")]
    Plugin {
        /// 100 or more; a smaller one is answered as 999, since those belong to the specification.
        code: u32,
        /// What is wrong, where, what to do.
        msg: String,
        /// More of it.
        details: Option<String>,
    },
    /// A hook panicked, which is a bug in the plugin. Code 999.
    #[error("bug in this plugin: {hook} panicked: {message}; please report it")]
    Panicked {
        /// The hook or step.
        hook: &'static str,
        /// What the panic said.
        message: String,
    },
    /// Several things failed where going on was right (GC). The code of the first.
    #[error("{}", each.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several {
        /// In the order in which they happened, at least one.
        each: Vec<Error>,
    },
    /// The first error, and what went wrong when its ADD was rolled back. Code and message of the first.
    #[error("{first}")]
    RollbackTrouble {
        /// Why the ADD failed.
        first: Box<Error>,
        /// What is left and why; it goes to `details` and to stderr.
        trouble: Vec<String>,
    },
}

impl Error {
    /// An error of the plugin's own; `code` is 100 or more.
    pub fn plugin(code: u32, msg: impl Into<String>) -> Self {
        Self::Plugin { code, msg: msg.into(), details: None }
    }

    /// A wrong value in the configuration, at the path `key`.
    pub fn config(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Config { key: key.into(), why: why.into() }
    }

    /// A failed read or write.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    pub(crate) fn decode(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Decode { what: what.into(), why: why.to_string() }
    }

    /// Combines the errors of steps that all ran: success without any, the error if it is one.
    ///
    /// # Errors
    ///
    /// All of `each`, as one error with the code of the first.
    pub fn combine(mut each: Vec<Self>) -> Result<(), Self> {
        match each.len() {
            0 => Ok(()),
            1 => each.pop().map_or(Ok(()), Err),
            _ => Err(Self::Several { each }),
        }
    }

    /// Returns the code on the wire: 1 to 99 as the specification defines them, 100 and up otherwise.
    pub fn code(&self) -> u32 {
        code::code(self)
    }
}
