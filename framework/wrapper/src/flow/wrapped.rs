//! A plugin with a middleware around it.

use std::sync::Arc;

use crate::{
    call::Call,
    catch_panic::{hook, step},
    error::Error,
    middleware::Middleware,
    plugin::Plugin,
};

/// A plugin with a middleware around it.
pub(crate) struct Wrapped<M> {
    pub(super) middleware: Arc<M>,
    pub(super) inner: Box<dyn Plugin>,
}

/// What every verb needs first: the middleware's own keys, and the call for the inner plugin.
pub(super) struct Prepared<C> {
    pub(super) config: Arc<C>,
    pub(super) inner_call: Call,
}

impl<M: Middleware> Wrapped<M> {
    pub(crate) fn new(middleware: M, inner: Box<dyn Plugin>) -> Self {
        Self { middleware: Arc::new(middleware), inner }
    }

    /// Returns whether the middleware has a record of the attachment.
    pub(super) async fn is_attached(&self, call: &Call, config: &M::Config) -> Result<bool, Error> {
        hook("is_attached", self.middleware.is_attached(call, config)).await
    }

    pub(super) fn prepare(&self, call: &Call) -> Result<Prepared<M::Config>, Error> {
        let config = step("reading its configuration", || Ok(call.read_config()?))?;
        let inner_call = call.rewrite_delegates(|delegate| {
            step("rewrite", || self.middleware.rewrite(call, &config, delegate))
        })?;
        Ok(Prepared { config: Arc::new(config), inner_call: inner_call.inside() })
    }
}
