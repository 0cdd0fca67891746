//! A plugin with a middleware around it.

use crate::{call::Call, catch_panic::step, error::Error, middleware::Middleware, plugin::Plugin};

/// A plugin with a middleware around it.
pub(crate) struct Wrapped<M> {
    pub(super) middleware: M,
    pub(super) inner: Box<dyn Plugin>,
}

/// What every verb needs first: the middleware's own keys, and the call for the inner plugin.
pub(super) struct Prepared<C> {
    pub(super) config: C,
    pub(super) inner_call: Call,
}

impl<M: Middleware> Wrapped<M> {
    pub(crate) fn new(middleware: M, inner: Box<dyn Plugin>) -> Self {
        Self { middleware, inner }
    }

    pub(super) fn prepare(&self, call: &Call) -> Result<Prepared<M::Config>, Error> {
        let config = step("reading its configuration", || Ok(call.read_config()?))?;
        let inner_call = call.rewrite_delegates(|delegate| {
            step("rewrite", || self.middleware.rewrite(call, &config, delegate))
        })?;
        Ok(Prepared { config, inner_call })
    }
}
