//! DEL: own cleanup first, then the inner plugin, which releases the address.

use std::time::Duration;

use async_io::Timer;

use crate::{
    call::Call, catch_panic::hook, delegate::missing::has_missing_delegate, error::Error,
    middleware::Middleware,
};

use super::wrapped::{Prepared, Wrapped};

/// The pause before each retry of a failed cleanup.
const BACKOFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

pub(super) async fn del<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    if call.is_left_alone() {
        return Ok(());
    }
    let Prepared { config, inner_call } = layer.prepare(call)?;
    if has_missing_delegate(&inner_call) {
        // Asked before the cleanup, which removes the record.
        call.note_record(layer.is_attached(call, &config).await.unwrap_or(true));
    }
    own_cleanup(&*layer.middleware, call, &config)
        .await
        .map_err(|error| Error::CleanupFailed { source: Box::new(error) })?;
    layer.inner.del(&inner_call).await?;
    hook("after_del", layer.middleware.after_del(call, &config)).await
}

/// Runs `before_del`, and retries it if the error may be transient.
pub(super) async fn own_cleanup<M: Middleware>(
    middleware: &M,
    call: &Call,
    config: &M::Config,
) -> Result<(), Error> {
    let mut pauses = BACKOFF.into_iter();
    loop {
        let error = match hook("before_del", middleware.before_del(call, config)).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| is_transient(&error)) else { return Err(error) };
        log::warn!("cleanup failed and is retried: {error}");
        Timer::after(pause).await;
    }
}

/// A retry does not help against a wrong configuration or a bug, and a hook that returns 'try again
/// later' has waited already.
fn is_transient(error: &Error) -> bool {
    !matches!(error, Error::Config { .. } | Error::Panicked { .. } | Error::TryAgainLater(_))
}
