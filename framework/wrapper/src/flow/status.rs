//! STATUS: ready if this plugin and all inner ones are.

use crate::{call::Call, error::Error, middleware::Middleware};

use super::wrapped::{Prepared, Wrapped};

pub(super) async fn status<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    let Prepared { config, inner_call } = layer.prepare(call)?;
    let hooks = layer.hooks(call, &config);
    hooks.run("status", layer.middleware.status(call, &config)).await.map_err(not_available)?;
    let inner = layer.inner.status(&inner_call).await;
    inner.map_err(|error| layer.map_error(call, &config, error))
}

fn not_available(error: Error) -> Error {
    match error {
        Error::NotAvailable(_) | Error::LimitedConnectivity(_) => error,
        other => Error::NotAvailable(other.to_string()),
    }
}
