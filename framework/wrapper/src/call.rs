//! One call on its way through the layers of a wrapper.

use std::{future::Future, ops::Deref, sync::Arc, time::Instant};

use cni_protocol::{AddResult, Object, Request, RequestError, SpecVersion};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    cleanups::Cleanups,
    delegates::Delegates,
    earlier_add::EarlierAdd,
    error::Error,
    kit::{
        known_keys::{self, KnownKeys},
        observer::{Observer, Observers},
    },
    settings::Settings,
};

/// Where a wrapper is in a network configuration.
///
/// (A wrapper around a wrapper in one process is a [`Stack`](crate::Stack).)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The configuration has a `delegate`, which is executed.
    Wrapper,
    /// The plugin is one of a list; `prevResult` has the result of the plugins before it.
    Chained,
}

/// A [`Request`] on its way through the layers, with the delegates as rewritten so far.
///
/// A call is a cheap, shared handle of its request, and dereferences to it: `call.attachment`,
/// `call.netns`, `call.config` and the methods of [`Request`] are part of this type's interface.
/// Layers never change the request. What they may change for the layers inside of them (delegates,
/// deadline, observers) has methods here that return a changed call.
///
/// ```
/// # let config = serde_json::json!({ "delegate": { "type": "bridge" } });
/// # let call = cni_test_kit::fake_call(cni_wrapper::Verb::Add, config);
/// assert_eq!(call.attachment.ifname, "eth0");
/// assert_eq!(call.delegates()[0]["type"], "bridge");
/// assert!(!call.is_rollback());
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    request: Arc<Request>,
    delegates: Delegates,
    settings: Arc<Settings>,
    observers: Observers,
    deadline: Option<Instant>,
    is_rollback: bool,
    has_inner_failed: bool,
    /// The number of layers outside that have hooks.
    depth: usize,
    earlier_add: Arc<EarlierAdd>,
    outer_cleanups: Cleanups,
    known_keys: Arc<KnownKeys>,
}

impl Call {
    /// Takes the delegates out of a request.
    ///
    /// On DEL, delegates that can't be read are an error of the innermost plugin only: no ADD can
    /// have succeeded with them, and the container must be removable.
    ///
    /// # Errors
    ///
    /// Code 7 if `delegate` is neither a plugin object nor a list of them, or `wrapper` has a wrong
    /// value.
    pub fn new(request: Request) -> Result<Self, Error> {
        let delegates = request.config.get("delegate").unwrap_or(&Value::Null);
        let delegates = Delegates::read(request.verb, "delegate", delegates)?;
        let settings = Settings::read(&request)?;
        Ok(Self {
            request: Arc::new(request),
            delegates,
            settings: Arc::new(settings),
            observers: Observers::default(),
            deadline: None,
            is_rollback: false,
            has_inner_failed: false,
            depth: 0,
            earlier_add: Arc::default(),
            outer_cleanups: Cleanups::default(),
            known_keys: Arc::default(),
        })
    }

    /// Returns the wrapper's position. The key `delegate` decides, never `prevResult`: a wrapper
    /// with delegates can itself be chained.
    pub fn position(&self) -> Position {
        if self.delegates.list.is_empty() { Position::Chained } else { Position::Wrapper }
    }

    /// Returns the delegates' own objects, in the order of ADD. Inside of a layer with hooks, each
    /// also has the outer keys that are passed to it, as rewritten so far. Empty in the chained
    /// position.
    pub fn delegates(&self) -> &[Object] {
        &self.delegates.list
    }

    /// Returns whether hooks run to undo a failed ADD.
    ///
    /// `before_del` and `after_del` are called for a DEL of the runtime and for the rollback of an
    /// ADD in the same process. In a rollback they undo what this ADD began, and no more.
    pub fn is_rollback(&self) -> bool {
        self.is_rollback
    }

    /// Returns the same call with the configuration of each delegate changed by `rewrite`.
    ///
    /// What `rewrite` sees is what the delegate gets, except for `prevResult`: its own object, plus
    /// `name`, `cniVersion`, `args`, `runtimeConfig` and `cni.dev/` keys of the call. Nothing is
    /// added afterwards, unless `name` or `cniVersion` is removed.
    ///
    /// # Errors
    ///
    /// The first error of `rewrite`.
    pub fn rewrite_delegates(
        &self,
        rewrite: impl FnMut(&mut Object) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let delegates = self.delegates.rewritten(&self.request, rewrite)?;
        Ok(Self { delegates, ..self.clone() })
    }

    /// Returns what is passed to one of the delegates, except for `prevResult`.
    pub(crate) fn passed_to(&self, delegate: &Object) -> Object {
        self.delegates.with_outer_keys(&self.request, delegate)
    }

    /// Returns the version of a delegate that has none.
    pub(crate) fn version_of_delegates(&self) -> SpecVersion {
        self.delegates.version(&self.request)
    }

    /// Returns the same call with other delegates, for a wrapper that selects among several. `null`
    /// makes it a call in the chained position.
    ///
    /// ```
    /// # let own = serde_json::json!({ "delegate": { "type": "bridge" } });
    /// # let call = cni_test_kit::fake_call(cni_wrapper::Verb::Add, own);
    /// let selected = serde_json::json!({ "type": "ptp" });
    /// let call = call.with_delegates("networks.quiet", &selected)?;
    /// assert_eq!(call.delegates()[0]["type"], "ptp");
    /// # Ok::<(), cni_wrapper::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Code 7 with the path `key` if `delegates` is neither a plugin object nor a list of them; not
    /// on DEL, as with [`Call::new`].
    pub fn with_delegates(&self, key: &str, delegates: &Value) -> Result<Self, Error> {
        let delegates = Delegates::read(self.verb, key, delegates)?;
        Ok(Self { delegates, ..self.clone() })
    }

    /// Returns why the delegates can't be read, on DEL.
    pub(crate) fn unusable_delegates(&self) -> Option<Error> {
        self.delegates.unusable()
    }

    /// Returns the same call with an observer of each execution of a delegate.
    #[must_use]
    pub fn with_observer(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observers: self.observers.with(observer), ..self.clone() }
    }

    pub(crate) fn observers(&self) -> &Observers {
        &self.observers
    }

    /// Returns the same call with a deadline at which a running delegate is stopped (code 11).
    ///
    /// For a plugin around a plugin that has a deadline for the whole verb. Of two deadlines the
    /// earlier one holds. The rollback of a failed ADD is not bound by it, because it begins when
    /// the time is over: reserve time for it when you set a deadline.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # fn hurry(call: &cni_wrapper::Call) {
    /// let call = call.with_deadline(Instant::now() + Duration::from_secs(10));
    /// # }
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        let earlier = self.deadline.map_or(deadline, |own| own.min(deadline));
        Self { deadline: Some(earlier), ..self.clone() }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the same call to undo a failed ADD: [`Call::is_rollback`] is true, and only the
    /// limits of the configuration hold.
    ///
    /// For a plugin around a plugin that calls `del` of its inner plugin after an `add` of its own
    /// failed. Such a `del` leaves alone what existed before that `add`, and does nothing if the
    /// inner `add` was not called.
    #[must_use]
    pub fn for_rollback(&self) -> Self {
        Self { deadline: None, is_rollback: true, ..self.clone() }
    }

    /// Returns whether the inner DEL has failed, in `after_del`, so that something of the delegate
    /// may remain.
    ///
    /// `after_del` runs all the same. A hook that would remove what the delegate's remains still
    /// need leaves it for the DEL that the runtime repeats.
    pub fn has_inner_failed(&self) -> bool {
        self.has_inner_failed
    }

    /// Returns the same call for `after_del`, after an inner DEL that failed.
    pub(crate) fn after_failed_inner(&self) -> Self {
        Self { has_inner_failed: true, ..self.clone() }
    }

    /// Returns the same call for the layer inside of this one.
    pub(crate) fn inside(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }

    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn earlier_add(&self) -> &EarlierAdd {
        &self.earlier_add
    }

    /// Returns the same call with the own cleanup of the layer around it.
    pub(crate) fn with_outer_cleanup<F>(
        &self,
        cleanup: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), Error>> + 'static,
    {
        Self { outer_cleanups: self.outer_cleanups.with(cleanup), ..self.clone() }
    }

    pub(crate) fn outer_cleanups(&self) -> &Cleanups {
        &self.outer_cleanups
    }

    /// Reads the keys of the configuration that `T` names, in any letter case, as plugins in Go do;
    /// all other keys are ignored.
    ///
    /// An ADD warns of a key that no layer has read in this way if it resembles one that a layer
    /// reads: it is probably mistyped. A type that reads all keys, such as a map, turns that off.
    /// Keys that are read in another way, as by [`Request::read_config`], should be named by a
    /// layer's type, too.
    ///
    /// Numbers in a [`Value`] keep their digits. serde's own functions can't read all fractions
    /// into an enum without a tag or a flattened struct, because of that: read such types with this
    /// function, and from text with [`json::parse`](crate::json::parse).
    ///
    /// # Errors
    ///
    /// Code 7, with the path of the first key that does not fit.
    pub fn read_config<T: DeserializeOwned>(&self) -> Result<T, RequestError> {
        self.known_keys.note::<T>();
        match known_keys::respelled::<T>(&self.config) {
            None => self.request.read_config(),
            Some(config) => {
                let mut request = Request::clone(&self.request);
                request.config = config;
                request.read_config()
            }
        }
    }

    /// Makes keys that no layer reads an error of this call.
    pub(crate) fn require_known_keys(&self) {
        self.known_keys.refuse_unknown();
    }

    /// Refuses an ADD with a key that no layer reads, if a layer wants that: see
    /// [`Middleware::refuses_unknown_keys`](crate::Middleware::refuses_unknown_keys).
    ///
    /// For a plugin at the centre of a stack, where all layers have read their keys.
    /// [`Innermost`](crate::Innermost) calls it.
    ///
    /// # Errors
    ///
    /// Code 7, with the key and those that are known.
    pub fn refuse_unknown_keys(&self) -> Result<(), Error> {
        let Some((key, known)) = self.known_keys.refused(&self.config) else { return Ok(()) };
        let known = known.join(", ");
        Err(Error::config(key, format!("it is not a known key; this plugin reads: {known}")))
    }

    /// Warns of keys that are probably mistyped, once the layers have read theirs.
    pub(crate) fn warn_of_mistyped_keys(&self) {
        for (key, meant) in self.known_keys.mistyped(&self.config) {
            log::warn!("{key} is not a known key; did you mean {meant}? It is ignored");
        }
    }

    /// Returns the result of ADD, with which CHECK compares.
    pub(crate) fn final_result(&self) -> Result<AddResult, Error> {
        let missing =
            || Error::config("prevResult", "it is missing; CHECK needs the result of ADD");
        self.prev_result()?.ok_or_else(missing)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Deref for Call {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}
