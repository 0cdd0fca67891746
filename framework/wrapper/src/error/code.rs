//! The table: which error is which code on the wire (specification, section 5, Error).

use super::{DelegateFailure, Error};

/// A delegate failed without a CNI error of its own. The meaning that 102 has in Mesos's original port mapper.
pub(super) const DELEGATE: u32 = 102;
/// A bug, or a code that a plugin may not use; the same number that Go's skeleton gives to what it can't classify.
pub(super) const BUG: u32 = 999;

/// Codes are signed 32-bit numbers for many readers.
const MAX: u32 = i32::MAX as u32;

/// The code of an error: 1 to 99 as the specification defines them, 100 and up for the rest.
pub fn code(error: &Error) -> u32 {
    match error {
        Error::IncompatibleVersion { .. } => 1,
        Error::UnsupportedField { .. } => 2,
        Error::UnknownContainer(_) => 3,
        Error::Environment { .. } => 4,
        Error::Io { .. } => 5,
        Error::Decode { .. } => 6,
        Error::Config { .. } => 7,
        Error::TryAgainLater(_) => 11,
        Error::CleanupFailed { source } => match **source {
            // A wrong configuration and a bug stay what they are however often DEL is repeated.
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
        Error::RollbackTrouble { first, .. } => code(first),
    }
}
