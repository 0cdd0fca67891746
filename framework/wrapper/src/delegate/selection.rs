//! A layer that selects one of several delegates for each attachment.

use std::path::PathBuf;

use cni_protocol::{AddResult, Attachment, Request};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    call::Call,
    catch_panic::CatchPanic,
    delegate::last_result,
    error::Error,
    kit::attachment_store::AttachmentStore,
    plugin::{Plugin, VerbFuture},
    rollback::left_alone,
    stack::Layers,
};

/// Selects the delegate of an attachment. An author implements it and adds it with
/// [`SelectDelegate`].
///
/// The selection is made on ADD. CHECK and DEL go to the delegate that ADD selected, with its
/// configuration of that time, even if the network's configuration or the container has changed. If
/// the selection is not known any more, DEL goes to all delegates, because a DEL of nothing
/// succeeds. GC and STATUS always go to all.
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
}

/// A delegate that can be selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedDelegate {
    /// Its key in the configuration, such as `delegates.quiet`.
    pub key: String,
    /// The plugin's object, or a list of them that is run as a chain.
    pub delegate: Value,
}

impl NamedDelegate {
    fn call(&self, call: &Call) -> Result<Call, Error> {
        Ok(call.with_delegates(&self.key, &self.delegate)?.inside())
    }
}

/// The layer that selects delegates by a [`DelegateSelector`].
#[derive(Clone, Copy, Debug)]
pub struct SelectDelegate<S>(pub S);

impl<S: DelegateSelector + 'static> Layers for SelectDelegate<S> {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        Box::new(CatchPanic(Box::new(Selecting { selector: self.0, inner })))
    }
}

struct Selecting<S> {
    selector: S,
    inner: Box<dyn Plugin>,
}

/// What every verb needs first.
struct Prepared<C> {
    config: C,
    delegates: Vec<NamedDelegate>,
    selections: AttachmentStore<NamedDelegate>,
}

impl<C> Prepared<C> {
    /// Returns the delegate that ADD selected, if it is still known.
    fn selected(&self, attachment: &Attachment) -> Option<NamedDelegate> {
        self.selections.read(attachment).unwrap_or_else(|error| {
            log::warn!("the delegate that ADD selected is not known: {error}");
            None
        })
    }
}

impl<S: DelegateSelector> Selecting<S> {
    fn prepare(&self, call: &Call) -> Result<Prepared<S::Config>, Error> {
        let config = call.read_config()?;
        let delegates = self.selector.delegates(&config);
        let selections = AttachmentStore::new(self.selector.state_dir(&config));
        Ok(Prepared { config, delegates, selections })
    }

    fn select(
        &self,
        call: &Call,
        prepared: &Prepared<S::Config>,
    ) -> Result<Option<NamedDelegate>, Error> {
        let key = self.selector.select(call, &prepared.config)?;
        let mut delegates = prepared.delegates.iter();
        match delegates.find(|delegate| delegate.key == key) {
            None if !prepared.delegates.is_empty() => {
                Err(Error::config(key, "it is selected, but there is no such delegate"))
            }
            selected => Ok(selected.cloned()),
        }
    }

    async fn add(&self, call: &Call) -> Result<AddResult, Error> {
        let prepared = self.prepare(call)?;
        let Some(selected) = self.select(call, &prepared)? else {
            return self.inner.add(call).await;
        };
        let inner_call = selected.call(call)?;
        let earlier = prepared.selected(&call.attachment);
        let recorded = async {
            if let Some(Ok(call)) = earlier.as_ref().map(|earlier| earlier.call(call)) {
                // The delegate that attached it, which need not be the selected one.
                last_result::find_earlier_add(&call)?;
            }
            Ok(earlier.is_some())
        };
        let is_repeated = call.find_earlier_add(recorded).await?;
        match earlier {
            Some(earlier) if earlier == selected && is_repeated => {
                self.inner.add(&inner_call).await
            }
            Some(earlier) if earlier != selected => {
                self.remove_earlier(call, &earlier, &selected).await?;
                self.add_selected(&prepared, &inner_call, &selected).await
            }
            _ => self.add_selected(&prepared, &inner_call, &selected).await,
        }
    }

    /// Removes what another delegate has created for the attachment, which would be forgotten, if
    /// its ADD was killed or its interface no longer exists.
    async fn remove_earlier(
        &self,
        call: &Call,
        earlier: &NamedDelegate,
        selected: &NamedDelegate,
    ) -> Result<(), Error> {
        if call.has_earlier_add() {
            let why = format!(
                "it is selected for a container that {} has attached with another configuration",
                earlier.key
            );
            return Err(left_alone(call, Error::config(&selected.key, why)));
        }
        self.inner.del(&earlier.call(call)?).await
    }

    async fn add_selected(
        &self,
        prepared: &Prepared<S::Config>,
        call: &Call,
        selected: &NamedDelegate,
    ) -> Result<AddResult, Error> {
        prepared.selections.write(&call.attachment, selected)?;
        let added = self.inner.add(call).await;
        let is_elsewhere = matches!(added, Err(Error::AttachedElsewhere { .. }));
        if added.is_err() && !is_elsewhere {
            // By its contract the inner ADD left nothing that it created. A selection that stays
            // costs a DEL of nothing.
            let _ = prepared.selections.remove(&call.attachment);
        }
        added
    }

    async fn del(&self, call: &Call) -> Result<(), Error> {
        let prepared = self.prepare(call)?;
        if !prepared.delegates.is_empty() && call.is_left_alone() {
            return Ok(());
        }
        match prepared.selected(&call.attachment) {
            Some(selected) => {
                call.note_record(true);
                self.inner.del(&selected.call(call)?).await?;
            }
            None if prepared.delegates.is_empty() => return self.inner.del(call).await,
            None => self.each(call, &prepared.delegates, |inner, call| inner.del(call)).await?,
        }
        Ok(prepared.selections.remove(&call.attachment)?)
    }

    async fn check(&self, call: &Call) -> Result<(), Error> {
        let prepared = self.prepare(call)?;
        let selected = match prepared.selected(&call.attachment) {
            Some(selected) => Some(selected),
            None => self.select(call, &prepared)?,
        };
        match selected {
            Some(selected) => self.inner.check(&selected.call(call)?).await,
            None => self.inner.check(call).await,
        }
    }

    async fn gc(&self, call: &Call) -> Result<(), Error> {
        let Prepared { mut delegates, selections, .. } = self.prepare(call)?;
        let valid = call.valid_attachments()?;
        let mut errors = Vec::new();
        let selected = selections.of_network(&call.attachment.network).unwrap_or_else(|error| {
            errors.push(error.into());
            Vec::new()
        });
        if delegates.is_empty() {
            // There may have been delegates to select from earlier.
            errors.extend(self.inner.gc(call).await.err());
        }
        for (_, earlier) in &selected {
            if !delegates.iter().any(|named| named.delegate == earlier.delegate) {
                delegates.push(earlier.clone());
            }
        }
        errors.extend(self.each(call, &delegates, |inner, call| inner.gc(call)).await.err());
        Error::combine(errors)?;
        let Some(valid) = valid else { return Ok(()) };
        let mut invalid = selected.iter().filter(|(attachment, _)| !valid.contains(attachment));
        Ok(invalid.try_for_each(|(attachment, _)| selections.remove(attachment))?)
    }

    async fn status(&self, call: &Call) -> Result<(), Error> {
        let delegates = self.prepare(call)?.delegates;
        if delegates.is_empty() {
            return self.inner.status(call).await;
        }
        self.each(call, &delegates, |inner, call| inner.status(call)).await
    }

    /// Calls a verb with every delegate, goes on after an error, and returns all errors.
    async fn each(
        &self,
        call: &Call,
        delegates: &[NamedDelegate],
        verb: impl for<'a> Fn(&'a dyn Plugin, &'a Call) -> VerbFuture<'a, ()>,
    ) -> Result<(), Error> {
        let mut errors = Vec::new();
        for delegate in delegates {
            let outcome = match delegate.call(call) {
                Ok(call) => verb(&*self.inner, &call).await,
                Err(error) => Err(error),
            };
            errors.extend(outcome.err());
        }
        Error::combine(errors)
    }
}

impl<S: DelegateSelector> Plugin for Selecting<S> {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(self.add(call))
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.del(call))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.check(call))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.gc(call))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.status(call))
    }
}
