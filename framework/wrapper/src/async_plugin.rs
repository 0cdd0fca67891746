//! A plugin around a plugin with `async fn`.

use cni_protocol::AddResult;

use crate::{
    call::Call,
    error::Error,
    plugin::{Plugin, VerbFuture},
};

/// A plugin around a plugin whose methods are `async fn`. Those that it does not have forward the
/// verb.
///
/// It has the contract of [`Plugin`], whose methods return boxed futures so that plugins of
/// different types can be nested.
///
/// ```
/// use cni_wrapper::{AddResult, AsyncPlugin, Call, Error, Plugin, Stack};
///
/// /// Tries an ADD again.
/// struct Retry(Box<dyn Plugin>);
///
/// impl AsyncPlugin for Retry {
///     fn inner(&self) -> &dyn Plugin {
///         &*self.0
///     }
///
///     async fn add(&self, call: &Call) -> Result<AddResult, Error> {
///         match self.inner().add(call).await {
///             Err(error) if error.code() == 11 => self.inner().add(call).await,
///             outcome => outcome,
///         }
///     }
/// }
///
/// let stack = Stack::new().with_async_plugin(Retry);
/// # drop(stack);
/// ```
#[allow(
    async_fn_in_trait,
    reason = "a plugin runs on one thread: its futures are never sent to another"
)]
pub trait AsyncPlugin {
    /// Returns the plugin inside.
    fn inner(&self) -> &dyn Plugin;

    /// Attaches the container, as [`Plugin::add`].
    ///
    /// # Errors
    ///
    /// After everything that was begun has been undone.
    async fn add(&self, call: &Call) -> Result<AddResult, Error> {
        self.inner().add(call).await
    }

    /// Undoes an `add`, as [`Plugin::del`].
    ///
    /// # Errors
    ///
    /// Something is left; the same call may be repeated.
    async fn del(&self, call: &Call) -> Result<(), Error> {
        self.inner().del(call).await
    }

    /// Checks the attachment, as [`Plugin::check`].
    ///
    /// # Errors
    ///
    /// What is missing or different.
    async fn check(&self, call: &Call) -> Result<(), Error> {
        self.inner().check(call).await
    }

    /// Removes what is of invalid attachments, as [`Plugin::gc`].
    ///
    /// # Errors
    ///
    /// All errors, after everything that could be removed was removed.
    async fn gc(&self, call: &Call) -> Result<(), Error> {
        self.inner().gc(call).await
    }

    /// Reports whether an `add` could be served, as [`Plugin::status`].
    ///
    /// # Errors
    ///
    /// The reason why it can't.
    async fn status(&self, call: &Call) -> Result<(), Error> {
        self.inner().status(call).await
    }
}

/// The same plugin with boxed futures.
pub(crate) struct Boxed<P>(pub(crate) P);

impl<P: AsyncPlugin> Plugin for Boxed<P> {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(self.0.add(call))
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.0.del(call))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.0.check(call))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.0.gc(call))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.0.status(call))
    }
}
