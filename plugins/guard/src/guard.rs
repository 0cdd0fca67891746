//! The plugin around a plugin: which verb is guarded by what.

use std::cell::Cell;

use cni_resilience::{Attempts, Failure};
use cni_wrapper::{AddResult, Call, Error, Plugin, Verb, VerbFuture};

use crate::config::Settings;

/// Guards the plugin inside.
pub(crate) struct Guard {
    inner: Box<dyn Plugin>,
}

impl Guard {
    pub(crate) fn around(inner: Box<dyn Plugin>) -> Self {
        Self { inner }
    }

    async fn guarded_add(&self, call: &Call) -> Result<AddResult, Error> {
        let settings = Settings::of(call, Verb::Add)?;
        let attempts = settings.attempts(call, Verb::Add);
        let Some(breaker) = &settings.breaker else {
            return Ok(self.add_repeatedly(&attempts).await?);
        };
        let memory = breaker.memory(&settings.state_dir, &call.attachment.network)?;
        let pass = memory.enter().await?;
        let outcome = self.add_repeatedly(&attempts).await;
        memory.leave(pass, &outcome, attempts.deadline().end).await;
        Ok(outcome?)
    }

    async fn add_repeatedly(&self, attempts: &Attempts) -> Result<AddResult, Failure> {
        let something_left = Cell::new(false);
        attempts.run(|| Box::pin(self.clean_add(attempts.call(), &something_left))).await
    }

    /// An ADD that could not be undone must be before it is made again.
    async fn clean_add(
        &self,
        call: &Call,
        something_left: &Cell<bool>,
    ) -> Result<AddResult, Error> {
        if something_left.get() {
            self.inner.del(call).await.map_err(|error| still_there(&error))?;
        }
        let outcome = self.inner.add(call).await;
        something_left.set(matches!(outcome, Err(Error::RollbackTrouble { .. })));
        outcome
    }

    async fn guarded_status(&self, call: &Call) -> Result<(), Error> {
        let settings = Settings::of(call, Verb::Status)?;
        if let Some(breaker) = &settings.breaker {
            breaker.memory(&settings.state_dir, &call.attachment.network)?.status()?;
        }
        let attempts = settings.attempts(call, Verb::Status);
        Ok(attempts.run(|| self.inner.status(attempts.call())).await?)
    }
}

fn still_there(error: &Error) -> Error {
    let first = "what the last try left could not be removed, so ADD was not tried again";
    Error::RollbackTrouble {
        first: Box::new(Error::TryAgainLater(first.to_owned())),
        trouble: vec![format!("rollback: DEL failed: {error}")],
    }
}

impl Plugin for Guard {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(self.guarded_add(call))
    }

    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let attempts = Settings::of(call, Verb::Del)?.attempts(call, Verb::Del);
            Ok(attempts.run(|| self.inner.del(attempts.call())).await?)
        })
    }

    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let attempts = Settings::of(call, Verb::Check)?.attempts(call, Verb::Check);
            Ok(attempts.run(|| self.inner.check(attempts.call())).await?)
        })
    }

    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let attempts = Settings::of(call, Verb::Gc)?.attempts(call, Verb::Gc);
            Ok(attempts.run(|| self.inner.gc(attempts.call())).await?)
        })
    }

    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.guarded_status(call))
    }
}
