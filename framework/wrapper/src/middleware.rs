//! The hooks that an author writes.

use cni_protocol::{AddResult, Attachment, Object};
use serde::de::DeserializeOwned;

use crate::{call::Call, error::Error};

/// What one wrapper adds around a plugin.
///
/// Every hook has a default that does nothing, so a wrapper writes only what it is about; every verb is
/// forwarded to the inner plugin whatever hooks there are.
///
/// ```text
///            ADD                     DEL                      CHECK            GC, STATUS
///   ┌─ before_add              ┌─ before_del             ┌─               ┌─ gc / status
///   │    inner ADD             │    inner DEL            │    inner CHECK │    inner GC / STATUS
///   └─ after_add               └─ after_del              └─ check         └─
/// ```
///
/// What `after_add` builds, `before_del` removes; what `before_add` builds, `after_del` removes. These pairs
/// also undo an ADD that failed: so `before_del` and `after_del` must succeed when there is nothing to remove.
#[allow(
    async_fn_in_trait,
    reason = "a plugin runs on one thread: its futures are never sent to another"
)]
pub trait Middleware {
    /// The plugin's own keys of the network configuration. Keys that it does not name are ignored, not lost.
    /// It is read on every verb, DEL too: let it accept what only ADD needs, and check that in `before_add`.
    type Config: DeserializeOwned;

    /// Changes what a delegate is told. Called for every verb and for each delegate, so that ADD and DEL tell the same.
    ///
    /// Pure: it must depend on nothing but the call and the configuration. Not called in the chained position.
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

    /// Before the inner ADD: check the configuration here, so that a wrong one touches nothing.
    ///
    /// # Errors
    ///
    /// The ADD fails; `after_del` runs.
    async fn before_add(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// After the inner ADD, with its result, which may be changed.
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

    /// Before the inner DEL. Must not need the namespace, prevResult or runtimeConfig; "already gone" is success.
    ///
    /// # Errors
    ///
    /// It is tried again twice; then the DEL stops with code 11 and the inner plugin is not called: it might give
    /// an address back to which something of this plugin's still points.
    async fn before_del(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// After the inner DEL succeeded; while an ADD is rolled back, whatever became of it. "Already gone" is success.
    ///
    /// # Errors
    ///
    /// The DEL fails; the runtime repeats it.
    async fn after_del(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }

    /// After the inner CHECK: is what ADD built still there, and still the same? `result` is the final result of ADD.
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

    /// Remove what belongs to attachments of this network that are not in the list. Not called when the runtime
    /// gave no list. Go on after an error and give all of them.
    ///
    /// # Errors
    ///
    /// All that could not be removed; the inner GC runs in any case.
    async fn gc(
        &self,
        call: &Call,
        config: &Self::Config,
        valid: &[Attachment],
    ) -> Result<(), Error> {
        let _ = (call, config, valid);
        Ok(())
    }

    /// Could ADD be served?
    ///
    /// # Errors
    ///
    /// Why not. Errors that are no [`Error::NotAvailable`] or [`Error::LimitedConnectivity`] become the former.
    async fn status(&self, call: &Call, config: &Self::Config) -> Result<(), Error> {
        let _ = (call, config);
        Ok(())
    }
}
