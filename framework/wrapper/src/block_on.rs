//! Where a call is served: on the main thread.

use std::{
    future::{Future, poll_fn},
    pin::pin,
};

use async_process::driver;

/// Runs a future to its end.
///
/// It is what `async_std::task::block_on` comes to, without two threads that a plugin would start for nothing: the pool,
/// which async-std fills before it is asked for the first time, and the one that reaps children, which is done
/// here. The pool still comes with the first `spawn`.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    async_global_executor::block_on(async {
        // Pinned before the future and polled first: a child that starts finds it at work.
        let mut reaping = pin!(driver());
        let mut future = pin!(future);
        poll_fn(|context| {
            let _ = reaping.as_mut().poll(context);
            future.as_mut().poll(context)
        })
        .await
    })
}
