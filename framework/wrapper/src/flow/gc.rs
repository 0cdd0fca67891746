//! GC: the hook and the inner plugin both run, and all their errors are reported.

use crate::{call::Call, error::Error, middleware::Middleware};

use super::wrapped::Wrapped;

pub(super) async fn gc<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    let (config, inner_call) = layer.prepare_cleanup(call);
    // A list that can't be read is not passed on: a delegate might take it for an empty one.
    let valid = call.valid_attachments()?;
    let mut errors = Vec::new();
    // Own rules first, then the addresses to which they refer, as on DEL.
    match (valid, &config) {
        (Some(valid), Some(config)) => {
            let hooks = layer.hooks(call, config);
            errors.extend(hooks.run("gc", layer.middleware.gc(call, config, &valid)).await.err());
        }
        (Some(_), None) => {} // there was a warning
        (None, _) => log::info!("there is no list of valid attachments, so nothing is removed"),
    }
    errors.extend(layer.inner.gc(&inner_call).await.err().map(|error| match &config {
        Some(config) => layer.map_error(call, config, error),
        None => error,
    }));
    Error::combine(errors)
}
