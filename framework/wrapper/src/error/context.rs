//! Adds to an error what was being done.

use std::io;

use super::{DelegateError, Error};

/// Adds to the error of a result what was being done, in one line.
///
/// ```
/// use cni_wrapper::{Context, Error};
///
/// fn read(path: &str) -> Result<String, Error> {
///     std::fs::read_to_string(path).context(format!("reading {path}"))
/// }
///
/// let error = read("/none").unwrap_err();
/// assert_eq!(error.to_string(), "reading /none: No such file or directory (os error 2)");
/// assert_eq!(error.code(), 5);
/// ```
pub trait Context<T> {
    /// Adds to the error what was being done, as in "reading /run/x".
    ///
    /// # Errors
    ///
    /// That of the result, with the same code and details.
    fn context(self, what: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, what: impl Into<String>) -> Result<T, Error> {
        self.map_err(|error| error.into().context(what))
    }
}

/// The message is that of the operating system. [`Context`] adds what was being done.
impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::Io { what: String::new(), source }
    }
}

impl Error {
    /// Returns the error with what was being done before its message. Code and details are kept.
    #[must_use]
    pub fn context(self, what: impl Into<String>) -> Self {
        match self {
            Self::Io { what: nothing, source } if nothing.is_empty() => Self::io(what, source),
            source => Self::InContext { what: what.into(), source: Box::new(source) },
        }
    }

    /// Returns a plugin-specific error with these details, in place of its own; other errors are
    /// returned as they are.
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        match self {
            Self::Plugin { code, msg, .. } => {
                Self::Plugin { code, msg, details: Some(details.into()) }
            }
            other => other,
        }
    }

    /// Returns the failure of a delegate, if this error is one.
    pub fn delegate(&self) -> Option<&DelegateError> {
        match self {
            Self::Delegate(delegate) => Some(delegate),
            Self::InContext { source, .. }
            | Self::NothingToUndo { source }
            | Self::CleanupFailed { source }
            | Self::LeftAlone { source, .. } => source.delegate(),
            Self::RollbackTrouble { first, .. } => first.delegate(),
            Self::Several { each } => each.iter().find_map(Self::delegate),
            _ => None,
        }
    }

    /// Returns the error without its context.
    pub(crate) fn without_context(&self) -> &Self {
        match self {
            Self::InContext { source, .. } => source.without_context(),
            error => error,
        }
    }
}

/// Returns the beginning of a message about `what`, if that is known.
pub(super) fn prefix(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!("{what}: ") }
}
