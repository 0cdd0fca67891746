//! ADD: `before_add`, the inner ADD, `after_add`. A failure undoes what was begun.

use std::sync::Arc;

use cni_protocol::AddResult;

use crate::{
    call::Call,
    error::Error,
    middleware::Middleware,
    plugin::Plugin,
    rollback::{self, Rollback},
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
            Err(rollback::undo(call, error.into(), async |call| plugin.del(call).await).await)
        }
    }
}

pub(super) async fn add<M: Middleware + 'static>(
    layer: &Wrapped<M>,
    call: &Call,
) -> Result<AddResult, Error> {
    let prepared = layer.prepare(call)?;
    call.find_earlier_add(layer.is_attached(call, &prepared.config)).await?;
    let prepared = with_cleanup(layer, call, prepared);
    match steps(layer, call, &prepared).await {
        Ok(result) => Ok(result),
        Err((begun, error)) => Err(undo(layer, call, &prepared, begun, error).await),
    }
}

/// Registers the own cleanup of this layer for a rollback that begins inside of it.
fn with_cleanup<M: Middleware + 'static>(
    layer: &Wrapped<M>,
    call: &Call,
    prepared: Prepared<M::Config>,
) -> Prepared<M::Config> {
    let Prepared { config, inner_call } = prepared;
    let parts = (layer.middleware.clone(), call.for_rollback(), config.clone());
    let parts = Arc::new(parts);
    let cleanup = move || {
        let parts = parts.clone();
        async move {
            let (middleware, call, config) = &*parts;
            own_cleanup(&**middleware, call, config).await
        }
    };
    Prepared { config, inner_call: inner_call.with_outer_cleanup(cleanup) }
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
    let (middleware, hooks) = (&layer.middleware, layer.hooks(call, config));
    let failed = |counterpart: Begun, otherwise: Begun| {
        move |error| match error {
            Error::NothingToUndo { source } => (otherwise, *source),
            error => (counterpart, error),
        }
    };
    hooks
        .run("before_add", middleware.before_add(call, config))
        .await
        .map_err(failed(Begun::Before, Begun::Nothing))?;
    // By its contract an inner ADD that fails has undone itself.
    let mut result = layer
        .inner
        .add(inner_call)
        .await
        .map_err(|error| (Begun::Before, layer.map_error(call, config, error)))?;
    hooks
        .run("after_add", middleware.after_add(call, config, &mut result))
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
    let mut rollback = match Rollback::begin(call, error) {
        Ok(rollback) => rollback,
        Err(error) => return error,
    };
    let call = &call.for_rollback();
    // The inner plugin keeps the address as long as something of ours may refer to it. The
    // runtime's DEL goes on from here.
    if begun >= Begun::Inner && !rollback.clean_outer_layers(call).await {
        return rollback.into_error();
    }
    // A hook that changed nothing may have left things of an earlier attachment, whose interface no
    // longer exists: they must not lead to the address that the inner plugin releases.
    let has_record = async || layer.is_attached(call, config).await.unwrap_or(false);
    if begun >= Begun::After || begun == Begun::Inner && has_record().await {
        let undone = own_cleanup(&*layer.middleware, call, config).await;
        if !rollback.step("own cleanup", undone) {
            return rollback.into_error();
        }
    }
    if begun >= Begun::Inner {
        let undone = layer.inner.del(&inner_call.for_rollback()).await;
        rollback.step("DEL of the inner plugin", undone);
    }
    if begun >= Begun::Before {
        let hooks = layer.hooks(call, config);
        let undone = hooks.run("after_del", layer.middleware.after_del(call, config)).await;
        rollback.step("after_del", undone);
    }
    rollback.into_error()
}
