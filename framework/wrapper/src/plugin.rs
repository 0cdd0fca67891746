//! The contract that everything in a stack keeps: delegates, prevResult, wrapped plugins, fakes.

use std::{future::Future, pin::Pin};

use cni_protocol::AddResult;

use crate::{call::Call, error::Error};

/// The outcome of a verb, as a future.
pub type VerbFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// The five verbs that a plugin serves.
///
/// A retry or a deadline is written as a plugin around a plugin: it holds the inner plugin and
/// calls it.
///
/// Three promises belong to the contract:
///
/// - An `add` that fails has undone what it began, so that the caller can simply call it again. An
///   attachment that existed before is left alone.
/// - A `del` can be repeated, and succeeds if there is nothing (left) to do.
/// - `check` and `status` change nothing.
///
/// With [`AsyncPlugin`](crate::AsyncPlugin) the methods are `async fn`, and those that only forward
/// a verb can be left out.
///
/// # Why a method for each verb
///
/// One method `call(verb, call)` would be shorter in a plugin that treats all verbs the same. Most
/// do not: of the eight implementations in this repository, five differ from verb to verb. With a
/// method for each, the type system knows that ADD alone has a result, and the inner plugin of a
/// rollback can't be asked for the wrong verb: its DEL runs within a call whose own `verb` is ADD.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plugin",
    note = "for methods that are `async fn`, implement `AsyncPlugin` and add it with \
            `Stack::with_async_plugin`; the methods of `Plugin` return boxed futures: \
            `Box::pin(async move {{ … }})`",
    note = "hooks are a `Middleware`, which `Layers::around` puts around a plugin"
)]
pub trait Plugin {
    /// Attaches the container and returns the result.
    ///
    /// # Errors
    ///
    /// After everything that was begun has been undone.
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult>;

    /// Undoes an `add`.
    ///
    /// # Errors
    ///
    /// Something is left; the same call may be repeated.
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()>;

    /// Checks that the attachment is still as `add` made it.
    ///
    /// # Errors
    ///
    /// What is missing or different.
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()>;

    /// Removes everything that belongs to attachments that are no longer valid.
    ///
    /// # Errors
    ///
    /// All errors, after everything that could be removed was removed.
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()>;

    /// Reports whether an `add` could be served.
    ///
    /// # Errors
    ///
    /// The reason why it can't: code 50 or 51, or a delegate's own.
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()>;
}

/// Forwards every verb to the plugin in the box.
impl<P: Plugin + ?Sized> Plugin for Box<P> {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        (**self).add(call)
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        (**self).del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        (**self).check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        (**self).gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        (**self).status(call)
    }
}
