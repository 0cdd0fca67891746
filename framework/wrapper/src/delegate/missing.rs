//! A delegate that can't be run at all, because it does not exist or its configuration is wrong.
//!
//! No ADD succeeds with it. But a runtime calls DEL after a failed ADD, and one such as Mesos keeps
//! the configuration of that ADD, so that it can't be repaired. If such a DEL failed, the container
//! could never be destroyed.

use cni_protocol::Verb;

use crate::{
    call::Call,
    error::{DelegateFailure, Error},
};

use super::{find::find, pass};

/// Returns whether a delegate of the call can't be run.
pub(crate) fn has_missing_delegate(call: &Call) -> bool {
    let is_missing = |delegate| {
        let found = pass::version(call, delegate).and_then(|_| find(call, delegate, Verb::Del));
        found.is_err_and(|error| is_permanent(&error))
    };
    call.unusable_delegates().is_some() || call.delegates().iter().any(is_missing)
}

/// Returns whether the delegate of this error was not run, and never can be as it is configured and
/// installed now.
pub(super) fn is_permanent(error: &Error) -> bool {
    match error {
        Error::Config { .. } | Error::IncompatibleVersion { .. } => true,
        Error::Delegate(delegate) => matches!(delegate.failure, DelegateFailure::NotFound { .. }),
        _ => false,
    }
}

/// Skips a delegate on DEL, with a warning, if the attachment is not known.
///
/// # Errors
///
/// The attachment is known, so the delegate has been run once and has something to release.
pub(super) fn skip(call: &Call, error: Error, has_last_result: bool) -> Result<(), Error> {
    match call.known_by(has_last_result) {
        None => {
            log::warn!("{error}; DEL goes on without it, because no ADD can have succeeded");
            Ok(())
        }
        Some(known) => Err(with_advice(error, known)),
    }
}

fn with_advice(error: Error, known: &str) -> Error {
    let advice = format!(
        "; the container was attached ({known}), so only this delegate can release its address: \
         restore it, then call DEL again"
    );
    match error {
        Error::Config { key, why } => Error::Config { key, why: why + &advice },
        Error::IncompatibleVersion { what } => Error::IncompatibleVersion { what: what + &advice },
        Error::Delegate(mut delegate) => {
            if let DelegateFailure::NotFound { why } = &mut delegate.failure {
                why.push_str(&advice);
            }
            Error::Delegate(delegate)
        }
        error => error,
    }
}
