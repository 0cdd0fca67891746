//! Layers around a plugin, in one process.

use crate::{
    async_plugin::{AsyncPlugin, Boxed},
    catch_panic::CatchPanic,
    flow::Wrapped,
    middleware::Middleware,
    plugin::Plugin,
};

/// One or more layers that can be put around a plugin: a [`Middleware`], or a [`Stack`] of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer of a plugin",
    label = "neither a `Middleware` nor a `Stack`",
    note = "implement `Middleware` for it, which needs only `type Config`; put a \
            `DelegateSelector` into `SelectDelegate(…)`; several layers are a `Stack`"
)]
pub trait Layers {
    /// Returns the plugin with these layers around it.
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin>;

    /// Returns the same as a part of a [`Stack`] with other layers.
    #[doc(hidden)]
    fn around_in_stack(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin>
    where
        Self: Sized,
    {
        self.around(inner)
    }
}

impl<M: Middleware + 'static> Layers for M {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        Box::new(Wrapped::new(self, inner))
    }

    fn around_in_stack(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        Box::new(Wrapped::new(self, inner).in_stack())
    }
}

/// Puts a layer around a plugin; the flag is whether there are others.
type Layer = Box<dyn FnOnce(Box<dyn Plugin>, bool) -> Box<dyn Plugin>>;

/// Several layers. The first one is the outermost: it gets a call first and its result last.
///
/// ```text
/// Stack::new().with(A).with(B)
///
/// runtime ─► A ─► B ─► delegate ─► B ─► A ─► runtime
/// ```
///
/// Each layer reads its own keys of the same network configuration. If two layers read a key as
/// different types, the error names the layer that can't read it.
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
        self.0.push(Box::new(|inner, is_one_of_several| match is_one_of_several {
            true => layers.around_in_stack(inner),
            false => layers.around(inner),
        }));
        self
    }

    /// Adds a plugin around a plugin whose methods are `async fn`.
    #[must_use]
    pub fn with_async_plugin<P: AsyncPlugin + 'static>(
        self,
        wrap: impl FnOnce(Box<dyn Plugin>) -> P + 'static,
    ) -> Self {
        self.with_plugin(|inner| Box::new(Boxed(wrap(inner))))
    }

    /// Adds a plugin around a plugin as a layer, for what hooks can't do, such as a retry or a
    /// deadline.
    #[must_use]
    pub fn with_plugin(
        mut self,
        wrap: impl FnOnce(Box<dyn Plugin>) -> Box<dyn Plugin> + 'static,
    ) -> Self {
        self.0.push(Box::new(|inner, _| Box::new(CatchPanic(wrap(inner)))));
        self
    }
}

impl Layers for Stack {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        let is_one_of_several = self.0.len() > 1;
        self.0.into_iter().rev().fold(inner, |inner, layer| layer(inner, is_one_of_several))
    }

    fn around_in_stack(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        self.0.into_iter().rev().fold(inner, |inner, layer| layer(inner, true))
    }
}
