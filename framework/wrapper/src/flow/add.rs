//! ADD: `before_add`, the inner ADD, `after_add`. A failure undoes what was begun.

use cni_protocol::AddResult;

use crate::{
    call::Call, catch_panic::hook, error::Error, middleware::Middleware, plugin::Plugin,
    rollback::Rollback,
};

use super::{
    del::own_cleanup,
    wrapped::{Prepared, Wrapped},
};

/// Runs ADD and converts the result to the version of the call.
pub(crate) async fn answer(plugin: &dyn Plugin, call: &Call) -> Result<AddResult, Error> {
    let result = plugin.add(call).await?;
    match result.convert(call.version) {
        Ok(result) => Ok(result),
        // The runtime can't get this result, so the ADD has failed and nothing of it may stay.
        Err(error) => {
            let mut rollback = Rollback::of(error.into());
            rollback.step("DEL", plugin.del(&call.for_rollback()).await);
            Err(rollback.into_error())
        }
    }
}

pub(super) async fn add<M: Middleware>(
    layer: &Wrapped<M>,
    call: &Call,
) -> Result<AddResult, Error> {
    let prepared = layer.prepare(call)?;
    match steps(layer, call, &prepared).await {
        Ok(result) => Ok(result),
        Err((begun, error)) => Err(undo(layer, call, &prepared, begun, error).await),
    }
}

/// The last step that has to be undone; the steps before it are included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Begun {
    Nothing,
    Before,
    Inner,
    After,
}

async fn steps<M: Middleware>(
    layer: &Wrapped<M>,
    call: &Call,
    prepared: &Prepared<M::Config>,
) -> Result<AddResult, (Begun, Error)> {
    let Prepared { config, inner_call } = prepared;
    let middleware = &layer.middleware;
    let failed = |counterpart: Begun, otherwise: Begun| {
        move |error| match error {
            Error::NothingToUndo { source } => (otherwise, *source),
            error => (counterpart, error),
        }
    };
    hook("before_add", middleware.before_add(call, config))
        .await
        .map_err(failed(Begun::Before, Begun::Nothing))?;
    // By its contract an inner ADD that fails has undone itself.
    let mut result = layer.inner.add(inner_call).await.map_err(|error| (Begun::Before, error))?;
    hook("after_add", middleware.after_add(call, config, &mut result))
        .await
        .map_err(failed(Begun::After, Begun::Inner))?;
    Ok(result)
}

/// Undoes everything that was begun, in the order of DEL.
async fn undo<M: Middleware>(
    layer: &Wrapped<M>,
    call: &Call,
    prepared: &Prepared<M::Config>,
    begun: Begun,
    error: Error,
) -> Error {
    let Prepared { config, inner_call } = prepared;
    let call = &call.for_rollback();
    let mut rollback = Rollback::of(error);
    if begun >= Begun::After
        && !rollback.step("own cleanup", own_cleanup(layer, call, config).await)
    {
        // The inner plugin keeps the address as long as something of ours may refer to it. The
        // runtime's DEL goes on from here.
        return rollback.into_error();
    }
    if begun >= Begun::Inner {
        let undone = layer.inner.del(&inner_call.for_rollback()).await;
        rollback.step("DEL of the inner plugin", undone);
    }
    if begun >= Begun::Before {
        let undone = hook("after_del", layer.middleware.after_del(call, config)).await;
        rollback.step("after_del", undone);
    }
    rollback.into_error()
}
