//! The contract that everything in a stack keeps: delegates, prevResult, wrapped plugins, fakes.

use std::{future::Future, pin::Pin};

use crate::{AddResult, Call, Error};

/// What a verb answers, some time later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + 'a>>;

/// The five verbs.
///
/// A retry or a deadline is written as a plugin around a plugin: hold the inner one and call it.
///
/// Three promises belong to the contract:
///
/// - An `add` that fails has undone what it began, so that whoever called it may simply call it again.
/// - A `del` can be repeated, and succeeds when there is nothing (left) to do.
/// - `check` and `status` change nothing.
pub trait Plugin {
    /// Attaches the container, and says how.
    ///
    /// # Errors
    ///
    /// After everything that was begun has been undone.
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult>;

    /// Undoes an `add`.
    ///
    /// # Errors
    ///
    /// Something is left; the same call may be repeated.
    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()>;

    /// Says whether the attachment still is as `add` made it.
    ///
    /// # Errors
    ///
    /// What is missing or different.
    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()>;

    /// Removes what belongs to attachments that are not valid any more.
    ///
    /// # Errors
    ///
    /// After everything that could be removed was removed: all that could not.
    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()>;

    /// Says whether `add` could be served.
    ///
    /// # Errors
    ///
    /// Why it can't: code 50 or 51, or a delegate's own.
    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()>;
}

/// A box holds the promises that its content holds.
impl<P: Plugin + ?Sized> Plugin for Box<P> {
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult> {
        (**self).add(call)
    }
    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        (**self).del(call)
    }
    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        (**self).check(call)
    }
    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        (**self).gc(call)
    }
    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        (**self).status(call)
    }
}
