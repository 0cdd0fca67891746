//! How a delegate can fail.

use std::{fmt, path::PathBuf, time::Duration};

use cni_protocol::{ErrorObject, Verb, result::ResultError};

use super::exec::ExecError;

/// One run of a delegate, for messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The delegate's `type`.
    pub plugin: String,
    /// What it was asked.
    pub verb: Verb,
    /// The file that was found, once it was.
    pub path: Option<PathBuf>,
    /// How long it ran.
    pub took: Duration,
    /// The end of its stderr, as text.
    pub stderr: String,
}

/// A delegate failed: which one, and how.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.msg())]
#[non_exhaustive]
pub struct DelegateError {
    /// Which run.
    pub invocation: Invocation,
    /// What happened.
    #[source]
    pub failure: DelegateFailure,
}

/// What a delegate did in place of a proper answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DelegateFailure {
    /// It answered with an error object: code, msg and details are passed on.
    #[error("{}", .0.msg)]
    Answered(Box<ErrorObject>),
    /// There is no such file on CNI_PATH.
    #[error("{why}")]
    NotFound {
        /// What was looked for, where.
        why: String,
    },
    /// It ran too long or wrote too much and was stopped.
    #[error("{0}")]
    Stopped(ExecError),
    /// It could not be started, or a pipe failed.
    #[error("{0}")]
    Exec(ExecError),
    /// It ended with a non-zero status or by a signal, and without an error object.
    #[error("ended with {how} and without a CNI error object{said}")]
    Crashed {
        /// Exit status or signal.
        how: String,
        /// The beginning of what stood on stdout instead, if anything did.
        said: String,
    },
    /// It ended well, but what it printed is no result.
    #[error("printed no valid result: {0}")]
    BadResult(ResultError),
}

impl DelegateError {
    /// A delegate's own message stays as it is; for the rest the message names the delegate.
    pub fn msg(&self) -> String {
        match &self.failure {
            DelegateFailure::Answered(object) if !object.msg.is_empty() => object.msg.clone(),
            DelegateFailure::NotFound { why } => why.clone(),
            failure => {
                let Invocation { plugin, verb, .. } = &self.invocation;
                format!("delegate {plugin:?} failed on {verb}: {failure}")
            }
        }
    }

    /// The delegate's own details, then which delegate, how long it ran, and the end of its stderr.
    pub fn details(&self) -> String {
        let own = match &self.failure {
            DelegateFailure::Answered(object) => {
                object.details.as_ref().map(|own| format!("{own}; "))
            }
            _ => None,
        };
        format!("{}{}", own.unwrap_or_default(), self.invocation)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delegate {:?}", self.plugin)?;
        if let Some(path) = &self.path {
            write!(f, " ({}), {} after {} ms", path.display(), self.verb, self.took.as_millis())?;
        }
        match self.stderr.trim_end() {
            "" => Ok(()),
            stderr => write!(f, "; its stderr ends with: {stderr}"),
        }
    }
}
