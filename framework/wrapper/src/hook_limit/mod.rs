//! The time limit of a hook.
//!
//! A hook that waits is dropped when its time is over. One that blocks its thread can't be dropped:
//! then an alarm of the kernel replaces the program by itself (`alarm.rs`), which undoes the ADD
//! and reports the hook (`restarted.rs`). No thread watches, so a call that is in time costs one
//! system call for each hook.

pub(crate) mod alarm;
pub(crate) mod restarted;

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use async_std::future::timeout;

use crate::{call::Call, error::Error};

/// How long a hook may take if neither the configuration nor the plugin sets a limit.
pub(crate) const DEFAULT: Duration = Duration::from_secs(120);

/// Runs a hook, for at most `limit`.
pub(crate) async fn limited<T>(
    name: &'static str,
    limit: Duration,
    call: &Call,
    hook: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let _alarm = alarm::set(name, limit, call);
    let mut hook = pin!(hook);
    // Most hooks never wait, and need no timer.
    if let Poll::Ready(done) = poll_fn(|context| Poll::Ready(hook.as_mut().poll(context))).await {
        return done;
    }
    match timeout(limit, hook).await {
        Ok(done) => done,
        Err(_) => Err(Error::HookTimeout { hook: name.to_owned(), limit }),
    }
}
