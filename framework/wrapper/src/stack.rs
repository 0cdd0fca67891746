//! Layers around a plugin, in one process.

use crate::{catch_panic::CatchPanic, flow::Wrapped, middleware::Middleware, plugin::Plugin};

/// One or more layers that can be put around a plugin: a [`Middleware`], or a [`Stack`] of them.
pub trait Layers {
    /// Returns the plugin with these layers around it.
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin>;
}

impl<M: Middleware + 'static> Layers for M {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        Box::new(Wrapped::new(self, inner))
    }
}

type Layer = Box<dyn FnOnce(Box<dyn Plugin>) -> Box<dyn Plugin>>;

/// Several layers. The first one is the outermost: it gets a call first and its result last.
///
/// ```text
/// Stack::new().with(A).with(B)
///
/// runtime ─► A ─► B ─► delegate ─► B ─► A ─► runtime
/// ```
///
/// Each layer reads its own keys of the same network configuration.
#[derive(Default)]
pub struct Stack(Vec<Layer>);

impl Stack {
    /// Returns a stack without layers: a wrapper that adds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer inside of the previous ones.
    #[must_use]
    pub fn with(mut self, layers: impl Layers + 'static) -> Self {
        self.0.push(Box::new(|inner| layers.around(inner)));
        self
    }

    /// Adds a plugin around a plugin as a layer, for what hooks can't do, such as a retry or a
    /// deadline.
    #[must_use]
    pub fn with_plugin(
        mut self,
        wrap: impl FnOnce(Box<dyn Plugin>) -> Box<dyn Plugin> + 'static,
    ) -> Self {
        self.0.push(Box::new(|inner| Box::new(CatchPanic(wrap(inner)))));
        self
    }
}

impl Layers for Stack {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        self.0.into_iter().rev().fold(inner, |inner, layer| layer(inner))
    }
}
