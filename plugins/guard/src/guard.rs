//! The plugin around a plugin: which verb is guarded by what.

use std::cell::Cell;

use cni_wrapper::{AddResult, Answer, Call, Error, Plugin, Verb};

use crate::job::{Failure, Job};
use crate::memory::Memory;

/// Guards the plugin inside.
pub(crate) struct Guard {
    inner: Box<dyn Plugin>,
}

impl Guard {
    pub(crate) fn around(inner: Box<dyn Plugin>) -> Self {
        Self { inner }
    }

    async fn guarded_add(&self, call: &Call) -> Result<AddResult, Error> {
        let job = Job::of(call, Verb::Add)?;
        let memory = Memory::of(&job.settings, &call.attachment.network)?;
        let Some(memory) = memory else { return Ok(self.add_repeatedly(&job).await?) };
        let pass = memory.enter().await?;
        let outcome = self.add_repeatedly(&job).await;
        memory.leave(pass, &outcome, job.deadline.end).await;
        Ok(outcome?)
    }

    async fn add_repeatedly(&self, job: &Job) -> Result<AddResult, Failure> {
        let something_left = Cell::new(false);
        job.run(|| Box::pin(self.clean_add(&job.call, &something_left))).await
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
        let job = Job::of(call, Verb::Status)?;
        let memory = Memory::of(&job.settings, &call.attachment.network)?;
        memory.map_or(Ok(()), |memory| memory.status())?;
        Ok(job.run(|| self.inner.status(&job.call)).await?)
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
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult> {
        Box::pin(self.guarded_add(call))
    }

    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(async move {
            let job = Job::of(call, Verb::Del)?;
            Ok(job.run(|| self.inner.del(&job.call)).await?)
        })
    }

    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(async move {
            let job = Job::of(call, Verb::Check)?;
            Ok(job.run(|| self.inner.check(&job.call)).await?)
        })
    }

    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(async move {
            let job = Job::of(call, Verb::Gc)?;
            Ok(job.run(|| self.inner.gc(&job.call)).await?)
        })
    }

    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(self.guarded_status(call))
    }
}
