//! The hooks that an author writes.

use std::time::Duration;

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
/// `before_del` runs before the inner plugin releases the address. If it fails, the inner plugin is
/// not called, because something may still refer to the address. `after_del` runs also if the inner
/// DEL failed ([`Call::has_inner_failed`] is true then), so that a delegate that fails for ever
/// does not keep what this plugin created.
///
/// # Wrong configurations on DEL and GC
///
/// An operator may change a network's configuration while containers are attached. A mistake must
/// not keep them from being removed: on DEL and GC a [`Config`](Self::Config) that can't be read
/// and a [`rewrite`](Self::rewrite) that fails are warnings, and the delegate gets its own object
/// without the changes of this layer. Hooks run with [`fallback_config`](Self::fallback_config)
/// instead, or not at all.
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
    /// and check it in `before_add`: with a configuration that can't be read, DEL has only
    /// [`fallback_config`](Self::fallback_config).
    type Config: DeserializeOwned + Send + Sync;

    /// Returns the configuration for the own hooks of DEL and GC if that of the call can't be read.
    ///
    /// Without one, which is the default, the own hooks are skipped with a warning. So a plugin
    /// that creates something should return what its cleanup needs: the defaults, or what ADD
    /// stored, for instance in an [`AttachmentStore`](crate::AttachmentStore) at a fixed path.
    fn fallback_config(&self, call: &Call) -> Option<Self::Config> {
        let _ = call;
        None
    }

    /// Changes the configuration that is passed to a delegate. It is called for every verb and each
    /// delegate, so that ADD and DEL pass the same.
    ///
    /// `delegate` has all keys that the delegate gets, except for `prevResult`: its own, and
    /// `name`, `cniVersion`, `args`, `runtimeConfig` and `cni.dev/` keys of the call. The rewrite
    /// of the innermost layer has the last word on each of them.
    ///
    /// It must be pure: the outcome depends on the call and the configuration only. It is not
    /// called in the chained position.
    ///
    /// # Errors
    ///
    /// The verb fails before the delegate is called; on DEL and GC it is a warning, and the
    /// delegate gets the configuration without the changes of this layer.
    fn rewrite(
        &self,
        call: &Call,
        config: &Self::Config,
        delegate: &mut Object,
    ) -> Result<(), Error> {
        let _ = (call, config, delegate);
        Ok(())
    }

    /// Returns whether an ADD is refused if its configuration has a key that no layer of this
    /// plugin reads. By default only a key that resembles a known one is reported, as a warning.
    ///
    /// The keys of the specification and of the toolkit are known, and so are those of runtimes and
    /// comments (`cni.dev/…`, `_…`, `//…`, `comment`). Use it in a plugin whose configurations are
    /// written for it alone. It has no effect if a layer reads all keys, as into a map.
    fn refuses_unknown_keys(&self) -> bool {
        false
    }

    /// Returns how long one hook may take, if the operator has not set `wrapper.hookTimeout`. The
    /// default is 120 seconds.
    ///
    /// A hook that does not end in time is stopped, also if it blocks its thread: the verb fails
    /// with code 11, and an ADD is rolled back. (If it blocks, the plugin restarts itself to do
    /// that, so that hooks see an ordinary DEL.) The time of the delegate is not part of it.
    fn hook_timeout(&self, config: &Self::Config) -> Option<Duration> {
        let _ = config;
        None
    }

    /// Returns the error for the runtime when the inner plugin failed, for instance with another
    /// message for a code of a delegate. It is called for every verb.
    ///
    /// What the rollback could not undo is added to what this hook returns. It is not called for
    /// errors of the toolkit: of an attachment in another namespace, or of a cleanup that failed.
    ///
    /// ```
    /// # use cni_wrapper::{Call, Error, Middleware};
    /// # struct Mine;
    /// # impl Middleware for Mine {
    /// #     type Config = serde::de::IgnoredAny;
    /// fn map_error(&self, _: &Call, _: &Self::Config, error: Error) -> Error {
    ///     match error.code() {
    ///         // The delegate's details are kept.
    ///         120 => Error::plugin(150, "no address is left; ask for a larger pool")
    ///             .with_details(error.details().unwrap_or_default()),
    ///         _ => error,
    ///     }
    /// }
    /// # }
    /// ```
    fn map_error(&self, call: &Call, config: &Self::Config, error: Error) -> Error {
        let _ = (call, config);
        error
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

    /// Runs after the inner DEL, also if that failed. If everything is removed already, it
    /// succeeds.
    ///
    /// If the inner DEL failed, [`Call::has_inner_failed`] is true: what the delegate needs for its
    /// repeated DEL must be kept.
    ///
    /// # Errors
    ///
    /// The DEL fails, and the runtime repeats it. After an inner DEL that failed, both errors are
    /// reported, with the code of the inner one.
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
