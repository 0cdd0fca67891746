//! A plugin with a middleware around it.

use std::sync::Arc;

use crate::{
    call::Call,
    catch_panic::step,
    error::{Error, left_alone},
    middleware::Middleware,
    plugin::Plugin,
};

use super::hooks::Hooks;

/// A plugin with a middleware around it.
pub(crate) struct Wrapped<M> {
    pub(super) middleware: Arc<M>,
    pub(super) inner: Box<dyn Plugin>,
    /// Whether errors of its configuration name this layer.
    is_in_stack: bool,
}

/// What ADD, CHECK and STATUS need first: the middleware's own keys, and the call for the inner
/// plugin.
pub(super) struct Prepared<C> {
    pub(super) config: Arc<C>,
    pub(super) inner_call: Call,
}

impl<M: Middleware> Wrapped<M> {
    pub(crate) fn new(middleware: M, inner: Box<dyn Plugin>) -> Self {
        Self { middleware: Arc::new(middleware), inner, is_in_stack: false }
    }

    /// Returns the same as one of several layers.
    pub(crate) fn in_stack(self) -> Self {
        Self { is_in_stack: true, ..self }
    }

    /// Returns whether the middleware has a record of the attachment.
    pub(super) async fn is_attached(&self, call: &Call, config: &M::Config) -> Result<bool, Error> {
        let hook = self.middleware.is_attached(call, config);
        self.hooks(call, config).run("is_attached", hook).await
    }

    pub(super) fn hooks<'c>(&self, call: &'c Call, config: &M::Config) -> Hooks<'c> {
        Hooks::of(&*self.middleware, call, config)
    }

    pub(super) fn prepare(&self, call: &Call) -> Result<Prepared<M::Config>, Error> {
        let config = self.read_config(call)?;
        if self.middleware.refuses_unknown_keys() {
            call.require_known_keys();
        }
        let inner_call = self.rewritten(call, &config)?.inside();
        Ok(Prepared { config: Arc::new(config), inner_call })
    }

    /// As [`Wrapped::prepare`], for DEL and GC: the delegate is called also with a configuration
    /// that no ADD accepts, since it may have been changed while containers were attached. Returns
    /// no configuration if the own hooks can't run.
    pub(super) fn prepare_cleanup(&self, call: &Call) -> (Option<M::Config>, Call) {
        let (config, inner_call) = match self.read_config(call) {
            Ok(config) => {
                let rewritten = self.rewritten(call, &config).unwrap_or_else(|error| {
                    log::warn!("the delegate gets its own configuration unchanged: {error}");
                    call.clone()
                });
                (Some(config), rewritten)
            }
            Err(error) => (self.fallback_config(call, &error), call.clone()),
        };
        (config, inner_call.inside())
    }

    fn read_config(&self, call: &Call) -> Result<M::Config, Error> {
        let config = step("reading its configuration", || Ok(call.read_config()?));
        config.map_err(|error| match error {
            // Another layer may read the key as another type.
            Error::Config { key, why } if self.is_in_stack => {
                Error::Config { key, why: format!("{why} (read by the layer {})", name_of::<M>()) }
            }
            error => error,
        })
    }

    fn rewritten(&self, call: &Call, config: &M::Config) -> Result<Call, Error> {
        call.rewrite_delegates(|delegate| {
            step("rewrite", || self.middleware.rewrite(call, config, delegate))
        })
    }

    /// Returns what the middleware makes of an error of the inner plugin. What the toolkit has
    /// added to it is kept.
    pub(super) fn map_error(&self, call: &Call, config: &M::Config, error: Error) -> Error {
        let map = |error: Box<Error>| Box::new(self.map_error(call, config, *error));
        match error {
            Error::RollbackTrouble { first, trouble } => {
                Error::RollbackTrouble { first: map(first), trouble }
            }
            Error::LeftAlone { source, left } => Error::LeftAlone { source: map(source), left },
            // They are of the toolkit, which treats them in a way of their own.
            Error::AttachedElsewhere { .. } | Error::CleanupFailed { .. } => error,
            // A wrapper outside reads it, and must leave alone what the delegate did.
            error if left_alone::is_reported_by(&error) => error,
            error => {
                let shown = error.to_string();
                let mapped =
                    step("map_error", || Ok(self.middleware.map_error(call, config, error)));
                mapped.unwrap_or_else(|panicked| {
                    log::error!("{shown}");
                    panicked
                })
            }
        }
    }

    fn fallback_config(&self, call: &Call, error: &Error) -> Option<M::Config> {
        let fallback = step("fallback_config", || Ok(self.middleware.fallback_config(call)));
        let fallback = fallback.unwrap_or_else(|panicked| {
            log::error!("{panicked}");
            None
        });
        let instead = match fallback {
            Some(_) => "its own cleanup uses another configuration",
            None => "its own cleanup is skipped",
        };
        log::warn!("{instead}, and the delegate gets its own unchanged: {error}");
        fallback
    }
}

/// Returns the name of a type without its path, as in `LimitMtu`.
fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}
