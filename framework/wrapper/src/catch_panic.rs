//! A panic in a hook is an error like any other, so that what the hook began is rolled back.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use cni_protocol::AddResult;

use crate::{
    call::Call,
    error::Error,
    plugin::{Plugin, VerbFuture},
    rollback::undo,
};

/// Runs a hook. A panic becomes [`Error::Panicked`].
pub(crate) async fn hook<T>(
    name: &'static str,
    hook: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut hook = pin!(hook);
    poll_fn(|context| {
        // A hook that panicked is never polled again.
        step(name, || Ok(hook.as_mut().poll(context)))
            .unwrap_or_else(|error| Poll::Ready(Err(error)))
    })
    .await
}

/// Runs a synchronous step. A panic becomes [`Error::Panicked`].
pub(crate) fn step<T>(
    name: &'static str,
    step: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    // Unwind safe: nothing that the panicking step has borrowed is used afterwards.
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        Err(Error::Panicked { hook: name, message: message(panic.as_ref()) })
    })
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_owned())
}

/// An author's plugin whose panics are errors; an ADD that panics is undone.
pub(crate) struct CatchPanic(pub(crate) Box<dyn Plugin>);

const ADD: &str = "a plugin's ADD";

impl Plugin for CatchPanic {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            match hook(ADD, async { self.0.add(call).await }).await {
                Err(error @ Error::Panicked { hook: ADD, .. }) => {
                    Err(undo(call, error, async |call| self.del(call).await).await)
                }
                outcome => outcome,
            }
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(hook("a plugin's DEL", async { self.0.del(call).await }))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(hook("a plugin's CHECK", async { self.0.check(call).await }))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(hook("a plugin's GC", async { self.0.gc(call).await }))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(hook("a plugin's STATUS", async { self.0.status(call).await }))
    }
}
