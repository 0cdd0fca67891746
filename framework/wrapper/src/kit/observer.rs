//! Watching the delegates of a call, for layers that measure or trace.

use std::{fmt, sync::Arc, time::Duration};

use cni_protocol::{AddResult, Environment, Object, SpecVersion, Verb};

use crate::error::Error;

/// One execution of a delegate.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DelegateCall<'a> {
    /// The delegate's `type`.
    pub plugin: &'a str,
    /// The verb that it is called with. DEL in the rollback of an ADD.
    pub verb: Verb,
    /// The version of its configuration.
    pub version: SpecVersion,
    /// Its configuration, which it reads from stdin.
    pub config: &'a Object,
}

/// Observes each execution of a delegate, those of a rollback included.
///
/// Added to a call by [`Call::with_observer`](crate::Call::with_observer). A delegate that is not
/// found is never started, so there is no event. One that is stopped because its caller gives up
/// does not finish.
///
/// It is part of a [`Call`](crate::Call), which threads can share. The toolkit calls it on the
/// thread of the hooks.
pub trait Observer: Send + Sync {
    /// A delegate is about to be started in this environment. The environment that is returned is
    /// the one that it gets, so a layer can pass on a trace context, for instance.
    fn started(&self, call: &DelegateCall<'_>, environment: Environment) -> Environment {
        let _ = call;
        environment
    }

    /// A delegate that is about to be finished has written this to stderr; the end of it, if it was
    /// long. Not called if it has written nothing.
    fn stderr(&self, call: &DelegateCall<'_>, text: &[u8]) {
        let _ = (call, text);
    }

    /// A delegate has finished. `outcome` is the result of an ADD as it was printed, nothing for
    /// another verb, or the error that the layers get.
    fn finished(
        &self,
        call: &DelegateCall<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        let _ = (call, took, outcome);
    }
}

/// The observers of a call, outermost first.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Arc<dyn Observer>>);

impl Observers {
    pub(crate) fn with(&self, observer: Arc<dyn Observer>) -> Self {
        Self(self.0.iter().cloned().chain([observer]).collect())
    }

    /// The innermost layer is the last to change the environment, as it is with the configuration.
    pub(crate) fn started(&self, call: &DelegateCall<'_>, environment: Environment) -> Environment {
        self.0.iter().fold(environment, |environment, observer| observer.started(call, environment))
    }

    pub(crate) fn stderr(&self, call: &DelegateCall<'_>, text: &[u8]) {
        for observer in self.0.iter().rev().filter(|_| !text.is_empty()) {
            observer.stderr(call, text);
        }
    }

    pub(crate) fn finished(
        &self,
        call: &DelegateCall<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        for observer in self.0.iter().rev() {
            observer.finished(call, took, outcome);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
