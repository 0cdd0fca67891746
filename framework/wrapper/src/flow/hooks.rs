//! Runs the hooks of a middleware: a panic is an error, and each has a time limit.

use std::{future::Future, time::Duration};

use crate::{call::Call, catch_panic, error::Error, hook_limit, middleware::Middleware};

/// How the hooks of one layer run.
pub(super) struct Hooks<'c> {
    call: &'c Call,
    limit: Duration,
}

impl<'c> Hooks<'c> {
    pub(super) fn of<M: Middleware>(middleware: &M, call: &'c Call, config: &M::Config) -> Self {
        let of_configuration = call.settings().hook_timeout();
        let limit = of_configuration.or_else(|| middleware.hook_timeout(config));
        Self { call, limit: limit.unwrap_or(hook_limit::DEFAULT) }
    }

    pub(super) async fn run<T>(
        &self,
        name: &'static str,
        hook: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        hook_limit::limited(name, self.limit, self.call, catch_panic::hook(name, hook)).await
    }
}
