//! The plugin around the delegate: which policies apply to which verb.

use std::cell::Cell;

use cni_resilience::{Failure, ResilientCall};
use cni_wrapper::{AddResult, Call, Error, Plugin, Verb, VerbFuture};

use crate::config::Settings;

/// Guards the inner plugin.
pub(crate) struct Guard {
    inner: Box<dyn Plugin>,
}

impl Guard {
    pub(crate) fn new(inner: Box<dyn Plugin>) -> Self {
        Self { inner }
    }

    async fn guarded_add(&self, call: &Call) -> Result<AddResult, Error> {
        let settings = Settings::read(call, Verb::Add)?;
        let call = settings.apply(call, Verb::Add);
        let Some(breaker) = &settings.circuit_breaker else {
            return Ok(self.add_repeatedly(&call).await?);
        };
        let network = &call.call().attachment.network;
        let breaker = breaker.for_network(&settings.state_dir, network)?;
        let admission = breaker.admit().await?;
        let outcome = self.add_repeatedly(&call).await;
        breaker.record(admission, &outcome, call.deadline().hard).await;
        Ok(outcome?)
    }

    async fn add_repeatedly(&self, call: &ResilientCall) -> Result<AddResult, Failure> {
        let has_leftovers = Cell::new(false);
        call.run(|| Box::pin(self.clean_add(call.call(), &has_leftovers))).await
    }

    /// Undoes the last attempt before the next, if its rollback failed.
    async fn clean_add(&self, call: &Call, has_leftovers: &Cell<bool>) -> Result<AddResult, Error> {
        if has_leftovers.get() {
            self.inner.del(call).await.map_err(|error| leftovers_remain(&error))?;
        }
        let outcome = self.inner.add(call).await;
        has_leftovers.set(matches!(outcome, Err(Error::RollbackTrouble { .. })));
        outcome
    }

    async fn guarded_status(&self, call: &Call) -> Result<(), Error> {
        let settings = Settings::read(call, Verb::Status)?;
        if let Some(breaker) = &settings.circuit_breaker {
            breaker.for_network(&settings.state_dir, &call.attachment.network)?.status()?;
        }
        let call = settings.apply(call, Verb::Status);
        Ok(call.run(|| self.inner.status(call.call())).await?)
    }
}

fn leftovers_remain(error: &Error) -> Error {
    let first = "the leftovers of the last attempt could not be removed, so ADD was not retried";
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
            let call = Settings::read(call, Verb::Del)?.apply(call, Verb::Del);
            Ok(call.run(|| self.inner.del(call.call())).await?)
        })
    }

    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let call = Settings::read(call, Verb::Check)?.apply(call, Verb::Check);
            Ok(call.run(|| self.inner.check(call.call())).await?)
        })
    }

    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let call = Settings::read(call, Verb::Gc)?.apply(call, Verb::Gc);
            Ok(call.run(|| self.inner.gc(call.call())).await?)
        })
    }

    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.guarded_status(call))
    }
}
