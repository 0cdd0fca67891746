//! DEL: own cleanup first, then the inner plugin, which gives the address back.

use std::time::Duration;

use async_std::task;

use crate::{call::Call, catch_panic::hook, error::Error, middleware::Middleware};

use super::{Prepared, Wrapped};

/// Pauses before each further try of a cleanup that failed.
const RETRIES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(250)];

pub(super) async fn del<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    let Prepared { config, inner_call } = layer.prepare(call)?;
    own_cleanup(layer, call, &config)
        .await
        .map_err(|error| Error::CleanupFailed { source: Box::new(error) })?;
    layer.inner.del(&inner_call).await?;
    hook("after_del", layer.middleware.after_del(call, &config)).await
}

/// `before_del`, tried again when it fails for a reason that may pass.
pub(super) async fn own_cleanup<M: Middleware>(
    layer: &Wrapped<M>,
    call: &Call,
    config: &M::Config,
) -> Result<(), Error> {
    let mut pauses = RETRIES.into_iter();
    loop {
        let error = match hook("before_del", layer.middleware.before_del(call, config)).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let Some(pause) = pauses.next().filter(|_| may_pass(&error)) else { return Err(error) };
        log::warn!("cleanup failed, trying again: {error}");
        task::sleep(pause).await;
    }
}

/// A wrong configuration stays wrong, a bug stays a bug, and whoever says "later" has waited already.
fn may_pass(error: &Error) -> bool {
    !matches!(error, Error::Config { .. } | Error::Panicked { .. } | Error::TryAgainLater(_))
}
