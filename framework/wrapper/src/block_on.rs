//! Runs futures on the current thread.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use async_process::driver;

use crate::{catch_panic::step, error::Error};

/// Runs a future on this thread until it is done, as [`run`](crate::run) does with a verb.
///
/// For commands that a plugin has in addition to its verbs, such as one that lists what it created.
///
/// ```
/// let answer = cni_wrapper::block_on(async { 6 * 7 });
/// assert_eq!(answer?, 42);
/// # Ok::<(), cni_wrapper::Error>(())
/// ```
///
/// # Errors
///
/// The future panicked (code 999); the message is part of the error.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    step("a command", || Ok(execute(future)))
}

/// Runs a future to its end.
///
/// It is `async_std::task::block_on` without two threads that a plugin would start for nothing: the
/// pool, which async-std fills before its first use, and the thread that reaps children, which is
/// done here. The pool is still started by the first `spawn`.
pub(crate) fn execute<T>(future: impl Future<Output = T>) -> T {
    async_global_executor::block_on(async {
        // Pinned before the future and polled first, so that it runs before any child is started.
        let mut reaping = pin!(driver());
        let mut future = pin!(future);
        poll_fn(|context| {
            let _ = reaping.as_mut().poll(context);
            future.as_mut().poll(context)
        })
        .await
    })
}
