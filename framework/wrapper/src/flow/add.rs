//! ADD: before, inner, after; a failure undoes what was begun.

use cni_protocol::AddResult;

use crate::{
    call::Call, catch_panic::hook, error::Error, middleware::Middleware, plugin::Plugin,
    rollback::Rollback,
};

use super::{Prepared, Wrapped, del::own_cleanup};

/// ADD as the runtime sees it: the result in the version that it asked for.
pub(crate) async fn answer(plugin: &dyn Plugin, call: &Call) -> Result<AddResult, Error> {
    let result = plugin.add(call).await?;
    match result.convert(call.version) {
        Ok(result) => Ok(result),
        // A result that the runtime can't be told is a failed ADD: nothing of it may stay.
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
    let Prepared { config, inner_call } = &prepared;
    let middleware = &layer.middleware;
    if let Err(error) = hook("before_add", middleware.before_add(call, config)).await {
        return Err(undo(layer, call, &prepared, Begun::Before, error).await);
    }
    let mut result = match layer.inner.add(inner_call).await {
        Ok(result) => result,
        Err(error) => return Err(undo(layer, call, &prepared, Begun::Before, error).await),
    };
    match hook("after_add", middleware.after_add(call, config, &mut result)).await {
        Ok(()) => Ok(result),
        Err(error) => Err(undo(layer, call, &prepared, Begun::All, error).await),
    }
}

/// How far an ADD came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// `before_add` only: the inner ADD did not begin, or failed and by its contract left nothing.
    Before,
    /// All three steps.
    All,
}

/// Sends a DEL to everything that was begun, in DEL's order.
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
    if begun == Begun::All {
        let own = own_cleanup(layer, call, config).await;
        if !rollback.step("own cleanup", own) {
            // The address must not be given back while something still points at it: the runtime's DEL goes on here.
            return rollback.into_error();
        }
        let undone = layer.inner.del(&inner_call.for_rollback()).await;
        rollback.step("DEL of the inner plugin", undone);
    }
    let after = hook("after_del", layer.middleware.after_del(call, config)).await;
    rollback.step("after_del", after);
    rollback.into_error()
}
