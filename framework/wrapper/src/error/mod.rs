//! What can go wrong in a wrapper, and the one table from it to the codes of the specification.

mod code;
mod delegate;
mod object;

use std::io;

use crate::SpecVersion;

pub use code::code;
pub use delegate::{DelegateError, DelegateFailure, Invocation};
pub use object::ErrorObject;

/// Anything that makes a verb fail.
///
/// Each variant says which code the runtime sees; the table itself is [`code::code`], the page about it is
/// `framework/wrapper/docs/errors.md`.
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

    /// One error of many, for what goes on after an error; `None` when there are none.
    pub fn several(mut each: Vec<Self>) -> Option<Self> {
        match each.len() {
            0 => None,
            1 => each.pop(),
            _ => Some(Self::Several { each }),
        }
    }
}

/// For authors who keep code written against the `cni-plugin` crate: its codes and texts are kept.
impl From<cni_plugin::error::CniError> for Error {
    fn from(error: cni_plugin::error::CniError) -> Self {
        // Converted at once, since it is neither Send nor Sync; the version is filled in when we answer.
        let Ok(version) = SpecVersion::NEWEST.as_str().parse() else {
            unreachable!("the newest version is a semantic version")
        };
        let reply = error.into_reply(version);
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

impl From<crate::result::ResultError> for Error {
    fn from(error: crate::result::ResultError) -> Self {
        Self::decode("the result", error)
    }
}
