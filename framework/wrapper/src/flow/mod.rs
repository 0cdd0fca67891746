//! The order of the steps of each verb, one file per verb: a middleware around an inner plugin.

mod add;
mod check;
mod del;
mod gc;
mod status;
pub(crate) mod version;

use cni_protocol::AddResult;

use crate::{
    call::Call,
    catch_panic::step,
    error::Error,
    middleware::Middleware,
    plugin::{Plugin, VerbFuture},
};

pub(crate) use add::answer as answer_add;

/// A plugin with a middleware around it.
pub(crate) struct Wrapped<M> {
    middleware: M,
    inner: Box<dyn Plugin>,
}

/// What every verb needs first: the middleware's own keys, and the call for the inner plugin.
struct Prepared<C> {
    config: C,
    inner_call: Call,
}

impl<M: Middleware> Wrapped<M> {
    pub(crate) fn new(middleware: M, inner: Box<dyn Plugin>) -> Self {
        Self { middleware, inner }
    }

    fn prepare(&self, call: &Call) -> Result<Prepared<M::Config>, Error> {
        let config = step("reading its configuration", || Ok(call.read_config()?))?;
        let inner_call = call.rewrite_delegates(|delegate| {
            step("rewrite", || self.middleware.rewrite(call, &config, delegate))
        })?;
        Ok(Prepared { config, inner_call })
    }
}

impl<M: Middleware> Plugin for Wrapped<M> {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(add::add(self, call))
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(del::del(self, call))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(check::check(self, call))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(gc::gc(self, call))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(status::status(self, call))
    }
}
