//! All errors of the toolkit, and the one table from them to the codes of the specification.

pub(crate) mod code;
mod context;
mod convert;
mod delegate;
mod exec;
mod file;
pub(crate) mod left_alone;
mod netlink;
mod object;

use std::io;

use cni_protocol::SpecVersion;

use context::prefix;

pub use context::Context;
pub use delegate::{DelegateError, DelegateFailure, Invocation};
pub use exec::ExecError;
pub use file::{FileError, StoreError};

/// An error that makes a verb fail.
///
/// [`Error::code`] returns the code of each variant; `framework/wrapper/docs/errors.md` explains
/// them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `cniVersion` is not known, or does not have the verb. Code 1.
    #[error("{what}; this plugin speaks CNI {}", SpecVersion::list())]
    IncompatibleVersion {
        /// The requested version, and why it can't be served.
        what: String,
    },
    /// A field that this plugin does not support. Code 2; the specification requires key and value
    /// in the message.
    #[error("{key}: {value} is not supported: {why}")]
    UnsupportedField {
        /// The path of the field.
        key: String,
        /// Its value, as JSON.
        value: String,
        /// Why it is not supported, and which values are.
        why: String,
    },
    /// The container is not known, so nothing has to be cleaned up. Code 3.
    #[error("container {0:?} is not known here")]
    UnknownContainer(String),
    /// Environment variables are missing or wrong; all of them are listed. Code 4.
    #[error("{}", problems.join("; "))]
    Environment {
        /// One sentence for each variable, beginning with its name.
        problems: Vec<String>,
    },
    /// The attachment exists in another network namespace than that of this ADD. Code 4, since
    /// `CNI_NETNS` is wrong. Nothing was changed.
    #[error("CNI_NETNS: {why}")]
    AttachedElsewhere {
        /// Both namespaces, and what to do.
        why: String,
    },
    /// Reading or writing failed. Code 5.
    #[error("{}{source}", prefix(what))]
    Io {
        /// What was being done, with the path; empty if it is not known.
        what: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Text can't be decoded: stdin is not a JSON object, or `cniVersion` is not a string. Code 6.
    #[error("{what}: {why}")]
    Decode {
        /// What was being decoded.
        what: String,
        /// What is wrong with it, and where.
        why: String,
    },
    /// The network configuration is wrong. Code 7.
    #[error("{key}: {why}")]
    Config {
        /// The path of the key, such as `runtimeConfig.portMappings[0].hostPort`.
        key: String,
        /// The value that was found, what is wrong with it and what to do.
        why: String,
    },
    /// A transient condition: the same call may succeed later. Code 11.
    #[error("{0}")]
    TryAgainLater(String),
    /// A hook did not end in time and was stopped. Code 11, since what it waited for may pass.
    #[error(
        "the hook {hook} of this plugin did not end within {limit:?} and was stopped \
         (wrapper.hookTimeout)"
    )]
    HookTimeout {
        /// The hook.
        hook: String,
        /// The time that it was given.
        limit: std::time::Duration,
    },
    /// Own cleanup failed, so the delegate was not called and its addresses are still allocated.
    ///
    /// Code 11: call DEL again. A wrong configuration keeps code 7 and a bug 999, because a retry
    /// does not help.
    #[error(
        "{source}; the delegate was not called, so its address is still allocated; call DEL again"
    )]
    CleanupFailed {
        /// Why the cleanup failed.
        source: Box<Error>,
    },
    /// The plugin is not available: STATUS reports that ADD can't be served. Code 50.
    #[error("{0}")]
    NotAvailable(String),
    /// The same, and existing containers may have limited connectivity. Code 51.
    #[error("{0}")]
    LimitedConnectivity(String),
    /// A delegate failed. Its own code and message if it printed them, else code 102.
    #[error(transparent)]
    Delegate(#[from] Box<DelegateError>),
    /// A plugin-specific error, with a code from 100 up.
    #[error("{msg}")]
    Plugin {
        /// The code, 100 or more. A smaller one belongs to the specification and is replaced by
        /// 999.
        code: u32,
        /// What failed, where, why and what to do.
        msg: String,
        /// Details, if there are any.
        details: Option<String>,
    },
    /// A hook panicked, which is a bug in the plugin. Code 999.
    #[error("bug in this plugin: {hook} panicked: {message}; please report it")]
    Panicked {
        /// The hook or step that panicked.
        hook: &'static str,
        /// The message of the panic.
        message: String,
    },
    /// An error with what was being done when it occurred. Code and details of the source.
    #[error("{what}: {source}")]
    InContext {
        /// What was being done.
        what: String,
        /// Why it failed.
        source: Box<Error>,
    },
    /// A hook failed before it had changed anything, see [`Error::nothing_to_undo`]. Code of the
    /// source.
    #[error("{source}")]
    NothingToUndo {
        /// Why the hook failed.
        source: Box<Error>,
    },
    /// Several steps failed of which all had to run, as in a GC. Code of the first error.
    #[error("{}", each.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several {
        /// The errors in the order in which they occurred; at least one.
        each: Vec<Error>,
    },
    /// An ADD failed whose attachment existed before, so that nothing was undone. Code and message
    /// of the source.
    #[error("{source}")]
    LeftAlone {
        /// Why the ADD failed.
        source: Box<Error>,
        /// What was left alone, and what to do. It is part of `details` and of the log.
        left: String,
    },
    /// An ADD failed, and so did its rollback. Code and message are those of the first error.
    #[error("{first}")]
    RollbackTrouble {
        /// Why the ADD failed.
        first: Box<Error>,
        /// What could not be undone and why. It is part of `details` and of the log.
        trouble: Vec<String>,
    },
}

impl Error {
    /// Returns a plugin-specific error; `code` is 100 or more.
    pub fn plugin(code: u32, msg: impl Into<String>) -> Self {
        Self::Plugin { code, msg: msg.into(), details: None }
    }

    /// Returns the error of a wrong value in the configuration, at the path `key`.
    pub fn config(key: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Config { key: key.into(), why: why.into() }
    }

    /// Returns the error of a failed read or write.
    pub fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    pub(crate) fn decode(what: impl Into<String>, why: impl ToString) -> Self {
        Self::Decode { what: what.into(), why: why.to_string() }
    }

    /// Marks the error of a hook that failed before it had changed anything.
    ///
    /// The rollback then skips the hook's counterpart: `before_del` if `after_add` failed,
    /// `after_del` if `before_add` failed. Use it if the counterpart would be slow or could fail
    /// for the same reason, for instance because a lock is held. The rest of the ADD is rolled back
    /// as usual.
    #[must_use]
    pub fn nothing_to_undo(self) -> Self {
        Self::NothingToUndo { source: Box::new(self) }
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
}
