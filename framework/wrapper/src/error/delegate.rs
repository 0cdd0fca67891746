//! How a delegate can fail.

use std::{fmt, path::PathBuf, time::Duration};

use cni_protocol::{ErrorObject, Verb, result::ResultError};

use super::exec::ExecError;

/// One execution of a delegate, for messages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The delegate's `type`.
    pub plugin: String,
    /// The verb that it was called with.
    pub verb: Verb,
    /// The file that was executed, if one was found.
    pub path: Option<PathBuf>,
    /// How long it ran.
    pub took: Duration,
    /// The end of its stderr.
    pub stderr: String,
}

/// The failure of a delegate.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.msg())]
#[non_exhaustive]
pub struct DelegateError {
    /// The execution that failed.
    pub invocation: Invocation,
    /// How it failed.
    #[source]
    pub failure: DelegateFailure,
    /// What to do about it, if the failure is a known one whose own message does not say.
    pub remedy: Option<String>,
}

/// What a delegate did instead of a proper answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DelegateFailure {
    /// It printed an error object, whose code, msg and details are passed on.
    #[error("{}", .0.msg)]
    Answered(Box<ErrorObject>),
    /// It was not found in CNI_PATH.
    #[error("{why}")]
    NotFound {
        /// The name and the directories that were searched.
        why: String,
    },
    /// It was stopped because it ran too long or wrote too much.
    #[error("{0}")]
    Stopped(ExecError),
    /// It could not be started, or a pipe to it failed.
    #[error("{0}")]
    Exec(ExecError),
    /// It exited with a non-zero status or was killed by a signal, and printed no error object.
    #[error("ended with {how} and without a CNI error object{printed}")]
    Crashed {
        /// The exit status or signal.
        how: String,
        /// The beginning of its stdout, if it printed anything.
        printed: String,
    },
    /// It exited with status 0, but did not print a valid result.
    #[error("printed no valid result: {0}")]
    BadResult(ResultError),
}

impl DelegateError {
    /// Returns the message: the delegate's own if it printed one, otherwise one that names the
    /// delegate; and the remedy.
    pub fn msg(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{}; {remedy}", self.failure_msg()),
            None => self.failure_msg(),
        }
    }

    fn failure_msg(&self) -> String {
        match &self.failure {
            DelegateFailure::Answered(object) if !object.msg.is_empty() => object.msg.clone(),
            DelegateFailure::NotFound { why } => why.clone(),
            failure => {
                let Invocation { plugin, verb, .. } = &self.invocation;
                format!("delegate {plugin:?} failed on {verb}: {failure}")
            }
        }
    }

    /// Returns the details: the delegate's own, its name, how long it ran, and the end of its
    /// stderr.
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
