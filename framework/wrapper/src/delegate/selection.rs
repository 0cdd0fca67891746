//! How an author selects one of several delegates for each attachment. The layer is in
//! `selecting.rs`.

use std::path::PathBuf;

use cni_protocol::Request;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{call::Call, error::Error};

/// Selects the delegate of an attachment. An author implements it and adds it with
/// [`SelectDelegate`].
///
/// The selection is made on ADD. CHECK and DEL go to the delegate that ADD selected, with its
/// configuration of that time, even if the network's configuration or the container has changed. If
/// the selection is not known any more, DEL goes to all delegates, because a DEL of nothing
/// succeeds. GC and STATUS always go to all.
///
/// A delegate whose ADD fails can be replaced by another one: see [`next`](Self::next).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not select delegates",
    note = "implement `DelegateSelector` for it: its delegates, the selected key, and where \
            selections are stored"
)]
pub trait DelegateSelector {
    /// The plugin's own keys of the network configuration.
    type Config: DeserializeOwned;

    /// Returns the delegates to select from. If there are none, nothing is selected, and the call
    /// goes on with `delegate` or in the chained position.
    fn delegates(&self, config: &Self::Config) -> Vec<NamedDelegate>;

    /// Returns the key of the delegate for this attachment. The value is ignored if there are no
    /// delegates.
    ///
    /// # Errors
    ///
    /// The ADD fails before anything has been changed.
    fn select(&self, request: &Request, config: &Self::Config) -> Result<String, Error>;

    /// Returns the directory in which selections are stored.
    fn state_dir(&self, config: &Self::Config) -> PathBuf;

    /// Returns the key of the delegate that is tried next, after the ADD of those in `failed` has
    /// failed, in that order. There is at least one. With `None`, which is the default, the ADD
    /// fails, with the errors of all of them.
    ///
    /// It is not called if nothing else may be tried: the attachment existed before, or what the
    /// failed delegate has created could not be undone.
    ///
    /// ```
    /// # use cni_wrapper::FailedDelegate;
    /// # struct Config { order: Vec<String> }
    /// # fn next(config: &Config, failed: &[FailedDelegate]) -> Option<String> {
    /// // The next one in the order of the configuration, while the reason is an empty pool.
    /// let is_full = failed.last()?.error.code() == 11;
    /// is_full.then(|| config.order.get(failed.len()).cloned()).flatten()
    /// # }
    /// ```
    fn next(
        &self,
        request: &Request,
        config: &Self::Config,
        failed: &[FailedDelegate],
    ) -> Option<String> {
        let _ = (request, config, failed);
        None
    }

    /// Returns the answer to STATUS from those of all delegates. All of them must be ready by
    /// default; a selector with a fallback may need only one ([`DelegateStatus::any`]), or have a
    /// rule of its own.
    ///
    /// # Errors
    ///
    /// Why an ADD can't be served.
    fn status(
        &self,
        request: &Request,
        config: &Self::Config,
        status: DelegateStatus,
    ) -> Result<(), Error> {
        let _ = (request, config);
        status.all()
    }

    /// Returns the configuration for DEL and GC if that of the call can't be read, so that the
    /// stored selections are found. Without one, DEL fails if the attachment is known, because only
    /// its delegate can release the address.
    fn fallback_config(&self, call: &Call) -> Option<Self::Config> {
        let _ = call;
        None
    }
}

/// A delegate that can be selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedDelegate {
    /// Its key in the configuration, such as `delegates.quiet`.
    pub key: String,
    /// The plugin's object, or a list of them that is run as a chain.
    pub delegate: Value,
}

/// A delegate whose ADD has failed and left nothing.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedDelegate {
    /// Its key.
    pub key: String,
    /// Why it failed.
    pub error: Error,
}

/// What each delegate has answered to STATUS, in the order of the delegates.
#[derive(Debug)]
pub struct DelegateStatus(pub(super) Vec<(String, Result<(), Error>)>);

impl DelegateStatus {
    /// Returns the key and the answer of each delegate.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Result<(), &Error>)> {
        self.0.iter().map(|(key, status)| (key.as_str(), status.as_ref().copied()))
    }

    /// Succeeds if all delegates are ready.
    ///
    /// # Errors
    ///
    /// Those of all that are not.
    pub fn all(self) -> Result<(), Error> {
        Error::combine(self.0.into_iter().filter_map(|(_, status)| status.err()).collect())
    }

    /// Succeeds if one delegate is ready.
    ///
    /// # Errors
    ///
    /// Those of all delegates.
    pub fn any(self) -> Result<(), Error> {
        if self.0.iter().any(|(_, status)| status.is_ok()) { Ok(()) } else { self.all() }
    }
}

impl NamedDelegate {
    pub(super) fn call(&self, call: &Call) -> Result<Call, Error> {
        Ok(call.with_delegates(&self.key, &self.delegate)?.inside())
    }
}

/// The layer that selects delegates by a [`DelegateSelector`].
#[derive(Clone, Copy, Debug)]
pub struct SelectDelegate<S>(pub S);
