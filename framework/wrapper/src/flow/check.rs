//! CHECK: in the order of ADD, the inner plugin first.

use crate::{call::Call, error::Error, middleware::Middleware};

use super::wrapped::{Prepared, Wrapped};

pub(super) async fn check<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    let Prepared { config, inner_call } = layer.prepare(call)?;
    let result = call.final_result()?;
    let inner = layer.inner.check(&inner_call).await;
    inner.map_err(|error| layer.map_error(call, &config, error))?;
    let hooks = layer.hooks(call, &config);
    hooks.run("check", layer.middleware.check(call, &config, &result)).await
}
