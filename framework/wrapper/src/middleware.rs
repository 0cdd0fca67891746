//! The hooks that an author writes.

use cni_protocol::{AddResult, Attachment, Object};
use serde::de::DeserializeOwned;

use crate::{call::Call, error::Error};

/// The hooks that one wrapper adds around a plugin.
///
/// Every hook has a default that does nothing, so a wrapper implements only those that it needs.
/// Every verb is forwarded to the inner plugin in any case.
///
/// ```text
///            ADD                     DEL                      CHECK            GC, STATUS
///   ┌─ before_add              ┌─ before_del             ┌─               ┌─ gc / status
///   │    inner ADD             │    inner DEL            │    inner CHECK │    inner GC / STATUS
///   └─ after_add               └─ after_del              └─ check         └─
/// ```
///
/// `before_del` removes what `after_add` creates, and `after_del` removes what `before_add`
/// creates. So they must succeed if there is nothing to remove. A hook that failed before it
/// changed anything can say so with [`Error::nothing_to_undo`].
///
/// # What a rollback undoes
///
/// The same hooks undo a failed ADD ([`Call::is_rollback`] is true then): what this ADD began, and
/// nothing else. If the attachment existed before, because a runtime repeated an ADD without a DEL,
/// no hook runs and no delegate is called: the container is attached and its address is in use.
/// Error code and message stay the same, and the details say what was left alone. See
/// [`is_attached`](Self::is_attached).
///
/// `before_del` always runs before a DEL of the delegate, also if the delegate's own ADD failed. In
/// this ADD nothing was created then, but there may be rules of an earlier attachment whose
/// interface was removed without a DEL, and they must not lead to an address that is released.
#[allow(
    async_fn_in_trait,
    reason = "hooks run on one thread: their futures are never sent to another"
)]
pub trait Middleware: Send + Sync {
    /// The plugin's own keys of the network configuration. Other keys are ignored here and kept for
    /// the delegate.
    ///
    /// It is read on every verb, also on DEL. If only ADD needs a key, accept any value of it here
    /// and check it in `before_add`.
    type Config: DeserializeOwned + Send + Sync;

    /// Changes the configuration that is passed to a delegate. It is called for every verb and each
    /// delegate, so that ADD and DEL pass the same.
    ///
    /// It must be pure: the outcome depends on the call and the configuration only. It is not
    /// called in the chained position.
    ///
    /// # Errors
    ///
    /// The verb fails before the delegate is called.
    fn rewrite(
        &self,
        call: &Call,
        config: &Self::Config,
        delegate: &mut Object,
    ) -> Result<(), Error> {
        let _ = (call, config, delegate);
        Ok(())
    }

    /// Returns whether this plugin has a record of an ADD of this attachment that succeeded.
    ///
    /// A runtime may repeat an ADD without a DEL. If that fails, nothing is undone, because the
    /// container is attached. Around a delegate the toolkit finds that out by itself: the interface
    /// exists in the container's namespace. In a list, other plugins have created the interface,
    /// and only this record distinguishes the first ADD from a repeated one. So a plugin that
    /// creates something in `after_add` should look for it here, for instance in an
    /// [`AttachmentStore`](crate::AttachmentStore). The record of an ADD that was killed does not
    /// count.
    ///
    /// If the record contains the network namespace, pass it to
    /// [`Call::refuse_if_attached_elsewhere`]: an ADD for another one must not change what belongs
    /// to a container that lives. Around a delegate the toolkit does that by itself, too.
    ///
    /// # Errors
    ///
    /// The ADD fails before anything is changed. An error other than
    /// [`Error::AttachedElsewhere`] is ignored if the interface shows whether the attachment
    /// exists.
    async fn is_attached(&self, call: &Call, config: &Self::Config) -> Result<bool, Error> {
        let _ = (call, config);
        Ok(false)
    }

    /// Runs before the inner ADD. Check the configuration here, so that a wrong one changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// The ADD fails; `after_del` runs.
    async fn before_add(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// Runs after the inner ADD, with its result, which it may change.
    ///
    /// # Errors
    ///
    /// The ADD fails; `before_del`, the inner DEL and `after_del` run.
    async fn after_add(
        &self,
        call: &Call,
        config: &Self::Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let _ = (call, config, result);
        Ok(())
    }

    /// Runs before the inner DEL. It must not need the namespace, prevResult or runtimeConfig. If
    /// everything is removed already, it succeeds.
    ///
    /// # Errors
    ///
    /// It is retried twice. Then the DEL fails with code 11 and the inner plugin is not called,
    /// because it might release an address to which something of this plugin still refers.
    async fn before_del(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// Runs after the inner DEL if that succeeded, in a rollback in any case. If everything is
    /// removed already, it succeeds.
    ///
    /// # Errors
    ///
    /// The DEL fails, and the runtime repeats it.
    async fn after_del(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// Runs after the inner CHECK: checks that what ADD created exists unchanged. `result` is the
    /// final result of ADD.
    ///
    /// # Errors
    ///
    /// What is missing or different.
    async fn check(
        &self,
        call: &Call,
        config: &Self::Config,
        result: &AddResult,
    ) -> Result<(), Error> {
        let _ = (call, config, result);
        Ok(())
    }

    /// Runs before the inner GC: removes everything that belongs to attachments of this network
    /// that are not in `valid`. It is not called if the runtime passed no list. Go on after an
    /// error, and return all of them with [`Error::combine`].
    ///
    /// # Errors
    ///
    /// Everything that could not be removed. The inner GC runs in any case.
    async fn gc(
        &self,
        call: &Call,
        config: &Self::Config,
        valid: &[Attachment],
    ) -> Result<(), Error> {
        let _ = (call, config, valid);
        Ok(())
    }

    /// Runs before the inner STATUS: reports whether an ADD could be served.
    ///
    /// # Errors
    ///
    /// The reason why not. Any error but [`Error::NotAvailable`] and [`Error::LimitedConnectivity`]
    /// is converted to the former.
    async fn status(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }
}
