//! Watching the delegates of a call, for layers that measure or trace.

use std::{fmt, rc::Rc, time::Duration};

use crate::{AddResult, Environment, Error, Object, SpecVersion, Verb};

/// One execution of a delegate.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The delegate's `type`.
    pub plugin: &'a str,
    /// What it is asked. DEL within an ADD that is rolled back.
    pub verb: Verb,
    /// The version that it is asked in.
    pub version: SpecVersion,
    /// What it reads on its stdin.
    pub config: &'a Object,
}

/// Is told of every execution of a delegate, those of a rollback too. Put around a call by [`Call::observed`](crate::Call::observed).
///
/// A delegate that was not found was never started, and nobody hears of it; one that is stopped since its caller gives up
/// does not end.
pub trait Observer {
    /// A delegate is about to start in this environment. What is returned is what it gets: a layer can hand on a trace context, for instance.
    fn starting(&self, run: &Run<'_>, environment: Environment) -> Environment {
        let _ = run;
        environment
    }

    /// It has ended: the result of an ADD as it was answered, nothing for another verb, or the error that the layers will see.
    fn ended(&self, run: &Run<'_>, took: Duration, outcome: Result<Option<&AddResult>, &Error>) {
        let _ = (run, took, outcome);
    }
}

/// The observers of a call, outermost first.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Rc<dyn Observer>>);

impl Observers {
    pub(crate) fn with(&self, observer: Rc<dyn Observer>) -> Self {
        Self(self.0.iter().cloned().chain([observer]).collect())
    }

    /// The innermost layer has the last word, as it has on what a delegate is told.
    pub(crate) fn starting(&self, run: &Run<'_>, environment: Environment) -> Environment {
        self.0.iter().fold(environment, |environment, observer| observer.starting(run, environment))
    }

    pub(crate) fn ended(
        &self,
        run: &Run<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        for observer in self.0.iter().rev() {
            observer.ended(run, took, outcome);
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
