//! A hook that panics fails like any other, so that what it began is rolled back.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::Error;

/// Runs a hook; a panic becomes [`Error::Panicked`].
pub(super) async fn hook<T>(
    name: &'static str,
    hook: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut hook = pin!(hook);
    poll_fn(|context| {
        // Unwind safe: a hook that panicked is never polled again, and nothing that it held is used any more.
        match catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => {
                Poll::Ready(Err(Error::Panicked { hook: name, message: message(panic.as_ref()) }))
            }
        }
    })
    .await
}

fn message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no message)".to_owned())
}
