//! DEL: own cleanup first, then the inner plugin, which releases the address.

use std::time::Duration;

use async_io::Timer;

use crate::{
    call::Call, delegate::missing::has_missing_delegate, error::Error, middleware::Middleware,
};

use super::{hooks::Hooks, wrapped::Wrapped};

/// The pause before each retry of a failed cleanup.
const BACKOFF: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

pub(super) async fn del<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    if call.is_left_alone() {
        return Ok(());
    }
    let (config, inner_call) = layer.prepare_cleanup(call);
    let Some(config) = config else { return layer.inner.del(&inner_call).await };
    if has_missing_delegate(&inner_call) {
        // Asked before the cleanup, which removes the record.
        call.note_record(layer.is_attached(call, &config).await.unwrap_or(true));
    }
    own_cleanup(&*layer.middleware, call, &config)
        .await
        .map_err(|error| Error::CleanupFailed { source: Box::new(error) })?;
    let hooks = layer.hooks(call, &config);
    match layer.inner.del(&inner_call).await {
        Ok(()) => hooks.run("after_del", layer.middleware.after_del(call, &config)).await,
        // No delegate was called, so what `before_add` created is still in use.
        Err(error @ Error::CleanupFailed { .. }) => Err(error),
        Err(error) => {
            let error = layer.map_error(call, &config, error);
            let call = &call.after_failed_inner();
            let after = hooks.run("after_del", layer.middleware.after_del(call, &config)).await;
            Error::combine([Some(error), after.err()].into_iter().flatten().collect())
        }
    }
}

/// Runs `before_del`, and retries it if the error may be transient.
pub(super) async fn own_cleanup<M: Middleware>(
    middleware: &M,
    call: &Call,
    config: &M::Config,
) -> Result<(), Error> {
    let hooks = Hooks::of(middleware, call, config);
    let mut pauses = BACKOFF.into_iter();
    loop {
        let error = match hooks.run("before_del", middleware.before_del(call, config)).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| is_transient(&error)) else { return Err(error) };
        log::warn!("cleanup failed and is retried: {error}");
        Timer::after(pause).await;
    }
}

/// A retry does not help against a wrong configuration or a bug, and a hook that returns 'try again
/// later' has waited already, as one has that was stopped.
fn is_transient(error: &Error) -> bool {
    let error = error.without_context();
    !matches!(
        error,
        Error::Config { .. }
            | Error::Panicked { .. }
            | Error::TryAgainLater(_)
            | Error::HookTimeout { .. }
    )
}
