//! A wrapper that chooses which of several delegates makes an attachment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    AddResult, Answer, Attachment, Call, Error, Layers, Notes, Plugin, Request, flow::Guarded,
};

/// What an author writes to choose among delegates.
///
/// ADD chooses; CHECK and DEL get the delegate that ADD chose, as it was then, whatever became of the configuration or the
/// container meanwhile. Where that is not known any more, DEL goes to every candidate, since a DEL of nothing is fine.
/// GC and STATUS go to all. Put around the rest with [`Choosing`].
pub trait Choose {
    /// The plugin's own keys of the network configuration.
    type Config: DeserializeOwned;

    /// What can be chosen. None, and there is no choice: all goes on with `delegate`, or in the chained position.
    fn candidates(&self, config: &Self::Config) -> Vec<Candidate>;

    /// The key of the candidate that is to make the attachment; it does not matter where there are none.
    ///
    /// # Errors
    ///
    /// The ADD fails, and nothing was touched.
    fn choose(&self, request: &Request, config: &Self::Config) -> Result<String, Error>;

    /// The directory in which choices are noted.
    fn state_dir(&self, config: &Self::Config) -> PathBuf;
}

/// A delegate that can be chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The key of the configuration where it stands, such as `delegates.quiet`.
    pub key: String,
    /// The plugin's object, or a list of them that is run as a chain.
    pub delegate: Value,
}

impl Candidate {
    fn call(&self, call: &Call) -> Result<Call, Error> {
        call.with_delegates(&self.key, &self.delegate)
    }
}

/// The layer that asks a [`Choose`].
#[derive(Clone, Copy, Debug)]
pub struct Choosing<C>(pub C);

impl<C: Choose + 'static> Layers for Choosing<C> {
    fn around(self, inner: Box<dyn Plugin>) -> Box<dyn Plugin> {
        Box::new(Guarded(Box::new(Chosen { chooser: self.0, inner })))
    }
}

struct Chosen<C> {
    chooser: C,
    inner: Box<dyn Plugin>,
}

/// What every verb needs first.
struct Prepared<C> {
    config: C,
    candidates: Vec<Candidate>,
    notes: Notes,
}

impl<C> Prepared<C> {
    /// What ADD chose, as far as that is known.
    fn noted(&self, attachment: &Attachment) -> Option<Candidate> {
        self.notes.read(attachment).unwrap_or_else(|error| {
            log::warn!("what ADD chose is not known: {error}");
            None
        })
    }
}

impl<C: Choose> Chosen<C> {
    fn prepare(&self, call: &Call) -> Result<Prepared<C::Config>, Error> {
        let config = call.read_config()?;
        let candidates = self.chooser.candidates(&config);
        let notes = Notes::below(self.chooser.state_dir(&config));
        Ok(Prepared { config, candidates, notes })
    }

    fn choose(
        &self,
        call: &Call,
        prepared: &Prepared<C::Config>,
    ) -> Result<Option<Candidate>, Error> {
        let key = self.chooser.choose(call, &prepared.config)?;
        let mut candidates = prepared.candidates.iter();
        match candidates.find(|candidate| candidate.key == key) {
            None if !prepared.candidates.is_empty() => {
                Err(Error::config(key, "it is chosen, and there is no such delegate"))
            }
            chosen => Ok(chosen.cloned()),
        }
    }

    async fn add(&self, call: &Call) -> Result<AddResult, Error> {
        let prepared = self.prepare(call)?;
        let Some(chosen) = self.choose(call, &prepared)? else { return self.inner.add(call).await };
        let attachment = &call.attachment;
        let inner_call = chosen.call(call)?;
        if let Some(before) = prepared.noted(attachment).filter(|before| *before != chosen) {
            // An ADD that was killed, or another one without a DEL between: what it made would be forgotten.
            self.inner.del(&before.call(call)?).await?;
        }
        prepared.notes.write(attachment, &chosen)?;
        let added = self.inner.add(&inner_call).await;
        if added.is_err() {
            // By its contract the inner ADD left nothing; and a note that stays costs a DEL that finds nothing.
            let _ = prepared.notes.remove(attachment);
        }
        added
    }

    async fn del(&self, call: &Call) -> Result<(), Error> {
        let prepared = self.prepare(call)?;
        match prepared.noted(&call.attachment) {
            Some(chosen) => self.inner.del(&chosen.call(call)?).await?,
            None if prepared.candidates.is_empty() => return self.inner.del(call).await,
            None => self.each(call, &prepared.candidates, |inner, call| inner.del(call)).await?,
        }
        prepared.notes.remove(&call.attachment)
    }

    async fn check(&self, call: &Call) -> Result<(), Error> {
        let prepared = self.prepare(call)?;
        let chosen = match prepared.noted(&call.attachment) {
            Some(chosen) => Some(chosen),
            None => self.choose(call, &prepared)?,
        };
        match chosen {
            Some(chosen) => self.inner.check(&chosen.call(call)?).await,
            None => self.inner.check(call).await,
        }
    }

    async fn gc(&self, call: &Call) -> Result<(), Error> {
        let Prepared { mut candidates, notes, .. } = self.prepare(call)?;
        let valid = call.valid_attachments()?;
        let mut errors = Vec::new();
        let noted = notes.of_network::<Candidate>(&call.attachment.network);
        let noted = noted.unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        if candidates.is_empty() {
            // There may have been a choice once.
            errors.extend(self.inner.gc(call).await.err());
        }
        for (_, chosen) in &noted {
            if !candidates.iter().any(|candidate| candidate.delegate == chosen.delegate) {
                candidates.push(chosen.clone());
            }
        }
        errors.extend(self.each(call, &candidates, |inner, call| inner.gc(call)).await.err());
        Error::several(errors).map_or(Ok(()), Err)?;
        let Some(valid) = valid else { return Ok(()) };
        let mut gone = noted.iter().filter(|(attachment, _)| !valid.contains(attachment));
        gone.try_for_each(|(attachment, _)| notes.remove(attachment))
    }

    async fn status(&self, call: &Call) -> Result<(), Error> {
        let candidates = self.prepare(call)?.candidates;
        if candidates.is_empty() {
            return self.inner.status(call).await;
        }
        self.each(call, &candidates, |inner, call| inner.status(call)).await
    }

    /// With every candidate; goes on after an error, and gives all of them.
    async fn each(
        &self,
        call: &Call,
        candidates: &[Candidate],
        verb: impl for<'a> Fn(&'a dyn Plugin, &'a Call) -> Answer<'a, ()>,
    ) -> Result<(), Error> {
        let mut errors = Vec::new();
        for candidate in candidates {
            let done = match candidate.call(call) {
                Ok(call) => verb(&*self.inner, &call).await,
                Err(error) => Err(error),
            };
            errors.extend(done.err());
        }
        Error::several(errors).map_or(Ok(()), Err)
    }
}

impl<C: Choose> Plugin for Chosen<C> {
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult> {
        Box::pin(self.add(call))
    }
    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(self.del(call))
    }
    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(self.check(call))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(self.gc(call))
    }
    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(self.status(call))
    }
}
