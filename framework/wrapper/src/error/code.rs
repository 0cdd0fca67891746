//! The table from errors to codes (specification, section 5, "Error").

use super::{Error, delegate::DelegateFailure};

/// A delegate failed without a CNI error; 102 has this meaning in Mesos's original port mapper.
pub(super) const DELEGATE: u32 = 102;
/// A bug, or a code that a plugin must not use. Go's skeleton uses the number for unclassified
/// errors.
pub(crate) const BUG: u32 = 999;

/// Many readers parse codes as signed 32-bit numbers.
const MAX: u32 = i32::MAX as u32;

impl Error {
    /// Returns the code on the wire: 1 to 99 as the specification defines them, 100 and up
    /// otherwise.
    pub fn code(&self) -> u32 {
        code(self)
    }
}

fn code(error: &Error) -> u32 {
    match error {
        Error::IncompatibleVersion { .. } => 1,
        Error::UnsupportedField { .. } => 2,
        Error::UnknownContainer(_) => 3,
        Error::Environment { .. } | Error::AttachedElsewhere { .. } => 4,
        Error::Io { .. } => 5,
        Error::Decode { .. } => 6,
        Error::Config { .. } => 7,
        Error::TryAgainLater(_) | Error::HookTimeout { .. } => 11,
        Error::CleanupFailed { source } => match source.without_context() {
            // Repeating DEL helps neither against a wrong configuration nor against a bug.
            Error::Config { .. } | Error::Panicked { .. } => code(source),
            _ => 11,
        },
        Error::NotAvailable(_) => 50,
        Error::LimitedConnectivity(_) => 51,
        Error::Delegate(delegate) => match &delegate.failure {
            DelegateFailure::Answered(object) if object.code != 0 => object.code,
            DelegateFailure::NotFound { .. } => 7,
            DelegateFailure::Stopped(_) => 11,
            _ => DELEGATE,
        },
        Error::Plugin { code, .. } if (100..=MAX).contains(code) => *code,
        Error::Plugin { .. } | Error::Panicked { .. } => BUG,
        Error::Several { each } => each.first().map_or(BUG, code),
        Error::NothingToUndo { source }
        | Error::LeftAlone { source, .. }
        | Error::InContext { source, .. } => code(source),
        Error::RollbackTrouble { first, .. } => code(first),
    }
}
