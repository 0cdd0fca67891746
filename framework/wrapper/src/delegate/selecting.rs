//! The layer that selects one of several delegates for each attachment.

use cni_protocol::{AddResult, Attachment};

use crate::{
    call::Call,
    catch_panic::CatchPanic,
    error::{Error, left_alone},
    kit::attachment_store::AttachmentStore,
    plugin::{Plugin, VerbFuture},
    rollback::left_alone,
    stack::Layers,
};

use super::{
    last_result, missing,
    selection::{DelegateSelector, DelegateStatus, FailedDelegate, NamedDelegate, SelectDelegate},
};

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
    fn named(&self, key: String) -> Result<NamedDelegate, Error> {
        let named = self.delegates.iter().find(|delegate| delegate.key == key);
        named
            .cloned()
            .ok_or_else(|| Error::config(key, "it is selected, but there is no such delegate"))
    }

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
        Ok(self.prepared(call.read_config()?))
    }

    /// As `prepare`, for DEL and GC. Returns why there is no configuration.
    fn prepare_cleanup(&self, call: &Call) -> Result<Prepared<S::Config>, Error> {
        self.prepare(call).or_else(|error| match self.selector.fallback_config(call) {
            Some(config) => {
                log::warn!("another configuration is used to clean up: {error}");
                Ok(self.prepared(config))
            }
            None => Err(error),
        })
    }

    fn prepared(&self, config: S::Config) -> Prepared<S::Config> {
        let delegates = self.selector.delegates(&config);
        let selections = AttachmentStore::new(self.selector.state_dir(&config));
        Prepared { config, delegates, selections }
    }

    fn select(
        &self,
        call: &Call,
        prepared: &Prepared<S::Config>,
    ) -> Result<Option<NamedDelegate>, Error> {
        let key = self.selector.select(call, &prepared.config)?;
        if prepared.delegates.is_empty() {
            return Ok(None);
        }
        prepared.named(key).map(Some)
    }

    /// Returns the delegate to try after those that failed.
    fn next(
        &self,
        call: &Call,
        prepared: &Prepared<S::Config>,
        failed: &[FailedDelegate],
    ) -> Result<Option<NamedDelegate>, Error> {
        let is_final = |failed: &FailedDelegate| {
            use Error::{AttachedElsewhere, LeftAlone, RollbackTrouble};
            if left_alone::is_reported_by(&failed.error) {
                return true;
            }
            matches!(
                failed.error,
                AttachedElsewhere { .. } | LeftAlone { .. } | RollbackTrouble { .. }
            )
        };
        if call.has_earlier_add() || failed.iter().any(is_final) {
            return Ok(None);
        }
        let Some(key) = self.selector.next(call, &prepared.config, failed) else { return Ok(None) };
        if failed.iter().any(|failed| failed.key == key) {
            return Err(Error::config(key, "it is selected again after its ADD has failed"));
        }
        prepared.named(key).map(Some)
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
                self.add_first_of(call, &prepared, selected).await
            }
            _ => self.add_first_of(call, &prepared, selected).await,
        }
    }

    /// Adds by the selected delegate, or by the next one that the selector returns.
    async fn add_first_of(
        &self,
        call: &Call,
        prepared: &Prepared<S::Config>,
        mut selected: NamedDelegate,
    ) -> Result<AddResult, Error> {
        let mut failed = Vec::new();
        loop {
            let added = self.add_selected(prepared, &selected.call(call)?, &selected).await;
            let Err(error) = added else { return added };
            failed.push(FailedDelegate { key: selected.key, error });
            selected = match self.next(call, prepared, &failed) {
                Ok(Some(next)) => next,
                Ok(None) => return Err(all_of(failed)),
                Err(error) => {
                    log::warn!("{}", all_of(failed));
                    return Err(error);
                }
            };
            log::warn!("the next delegate is {}: {}", selected.key, last_error(&failed));
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
        let prepared = match self.prepare_cleanup(call) {
            Ok(prepared) => prepared,
            // Which delegate has the attachment is not known, if it exists.
            Err(error) => return missing::skip(call, error, false),
        };
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
        let Prepared { mut delegates, selections, .. } = self.prepare_cleanup(call)?;
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
        selections.collect(&call.attachment.network, &valid)
    }

    async fn status(&self, call: &Call) -> Result<(), Error> {
        let Prepared { config, delegates, .. } = self.prepare(call)?;
        if delegates.is_empty() {
            return self.inner.status(call).await;
        }
        let mut status = Vec::new();
        for delegate in delegates {
            let answer = match delegate.call(call) {
                Ok(call) => self.inner.status(&call).await,
                Err(error) => Err(error),
            };
            status.push((delegate.key, answer));
        }
        self.selector.status(call, &config, DelegateStatus(status))
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

/// Returns the errors of all delegates as one. What could not be undone is kept apart.
fn all_of(failed: Vec<FailedDelegate>) -> Error {
    let mut trouble = None;
    let errors = failed.into_iter().map(|failed| match failed.error {
        Error::RollbackTrouble { first, trouble: own } => {
            trouble = Some(own);
            *first
        }
        error => error,
    });
    let first = match Error::combine(errors.collect()) {
        Ok(()) => unreachable!("it is called after a failure"),
        Err(error) => error,
    };
    match trouble {
        Some(trouble) => Error::RollbackTrouble { first: Box::new(first), trouble },
        None => first,
    }
}

fn last_error(failed: &[FailedDelegate]) -> String {
    failed.last().map(|failed| failed.error.to_string()).unwrap_or_default()
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
