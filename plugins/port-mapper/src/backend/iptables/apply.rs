//! Observes, decides and applies, and starts again if the rules have changed in the meantime.

use async_std::prelude::FutureExt;

use super::fast_path::{FastPath, Scope};
use super::observed::{Listing, Observed, Omitted, Tables};
use super::plan::Plan;
use super::run::Runner;
use crate::error::Error;
use crate::family::Family;

/// How often to decide if other programs change rules between the listing and the change.
const ATTEMPTS: usize = 3;

/// What to observe of a family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a> {
    pub(super) family: Family,
    pub(super) tables: Tables,
    /// The part that is sufficient, if it is known; otherwise all rules.
    pub(super) scope: Option<Scope<'a>>,
}

/// Makes a plan, or returns `None` if that requires all rules.
pub(super) type Decide<'a> = dyn FnMut(&Observed<'_>) -> Result<Option<Plan>, Error> + 'a;

/// Succeeds if a family whose listing fails with this error can be left out. Otherwise it returns
/// the error, perhaps with an explanation.
pub(super) type Excuse<'a> = dyn Fn(Family, Error) -> Result<(), Error> + 'a;

/// What a call decides and does between observing and applying.
pub(super) struct Steps<'a> {
    pub(super) excuse: &'a Excuse<'a>,
    pub(super) decide: &'a mut Decide<'a>,
    /// Called when all families are decided, before the first is changed.
    pub(super) before_change: &'a dyn Fn() -> Result<(), Error>,
}

/// An input of iptables-restore.
struct Change {
    family: Family,
    text: String,
}

/// A change that iptables-restore refused, and the reason.
struct Refusal {
    text: String,
    error: Error,
}

/// Lists and changes rules.
#[derive(Debug)]
pub(super) struct Executor {
    pub(super) runner: Runner,
    fast_path: FastPath,
}

impl Executor {
    pub(super) fn new(runner: Runner) -> Self {
        Self { runner, fast_path: FastPath::default() }
    }

    /// Does ahead of time what a listing and a change need.
    pub(super) async fn prepare(&self, family: Family) {
        // One process for the listing, one for the change.
        self.fast_path.prestart(&self.runner, family, 2).await;
    }

    /// Lists the rules, of two families at the same time.
    pub(super) async fn observe(&self, queries: &[Query<'_>]) -> Vec<Result<Listing, Error>> {
        match queries {
            [] => Vec::new(),
            [one] => vec![self.list(one).await],
            [one, two, ..] => {
                let (one, two) = self.list(one).join(self.list(two)).await;
                vec![one, two]
            }
        }
    }

    async fn list(&self, query: &Query<'_>) -> Result<Listing, Error> {
        let Query { family, tables, ref scope } = *query;
        if let Some(scope) = scope
            && let Some(listing) = self.fast_path.list(&self.runner, family, tables, scope).await?
        {
            return Ok(listing);
        }
        let text = self.runner.save(family, tables).await?;
        Ok(Listing { family, tables, text, omitted: Omitted::default() })
    }

    /// Observes, decides and applies. Returns whether anything was changed.
    ///
    /// It decides again if a change is refused and would be a different one now. All families are
    /// decided before the first is changed, so a conflict in one leaves the other untouched. A
    /// family whose listing fails with an error that is excused is left out.
    pub(super) async fn apply(
        &self,
        queries: &[Query<'_>],
        steps: Steps<'_>,
    ) -> Result<bool, Error> {
        let applied = self.apply_with_retry(queries, steps).await;
        self.fast_path.stop_unused().await;
        applied
    }

    async fn apply_with_retry(
        &self,
        queries: &[Query<'_>],
        steps: Steps<'_>,
    ) -> Result<bool, Error> {
        let mut queries = queries.to_vec();
        let mut changed = false;
        let mut refused: Option<Refusal> = None;
        for _ in 0..ATTEMPTS {
            let (listings, ()) = self.observe(&queries).join(self.prestart(&queries)).await;
            let listings = queries.iter().map(|query| query.family).zip(listings);
            let changes = changes(listings, steps.excuse, steps.decide)?;
            // What was taken for absent may exist.
            queries.iter_mut().for_each(|query| query.scope = None);
            let Some(changes) = changes else { continue };
            if !changes.is_empty() {
                (steps.before_change)()?;
            }
            match self.restore(changes, &mut changed, refused.take()).await? {
                None => return Ok(changed),
                again => refused = again,
            }
        }
        match refused {
            Some(Refusal { error, .. }) => Err(self.explained(error).await),
            None => Ok(changed),
        }
    }

    /// Runs input that was not decided from a listing: it fails unless certain rules exist.
    pub(super) async fn run(&self, family: Family, text: &str) -> Result<(), Error> {
        let process = self.fast_path.restore_process(&self.runner, family).await?;
        self.runner.restore(process, text).await
    }

    /// Starts the processes for the changes, which takes as long as the listing; but not if it is
    /// unlikely that anything will change.
    async fn prestart(&self, queries: &[Query<'_>]) {
        for query in queries.iter().filter(|query| query.scope.is_some()) {
            self.fast_path.prestart(&self.runner, query.family, 1).await;
        }
    }

    /// Applies the changes. Returns the one that was refused, if it is worth deciding again.
    async fn restore(
        &self,
        changes: Vec<Change>,
        changed: &mut bool,
        before: Option<Refusal>,
    ) -> Result<Option<Refusal>, Error> {
        for Change { family, text } in changes {
            let process = self.fast_path.restore_process(&self.runner, family).await?;
            match self.runner.restore(process, &text).await {
                Ok(()) => *changed = true,
                Err(error @ Error::Iptables { .. }) => {
                    // The same change again: the rules were not changed in the meantime.
                    return match before {
                        Some(before) if before.text == text => Err(self.explained(error).await),
                        _ => Ok(Some(Refusal { text, error })),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns the error, or its cause: a version of iptables that is too old.
    async fn explained(&self, error: Error) -> Error {
        match self.runner.supported_version().await {
            Err(unfit @ Error::Unfit { .. }) => unfit,
            _ => error,
        }
    }
}

/// Decides for all families. Returns `None` if all rules are needed.
fn changes(
    listings: impl Iterator<Item = (Family, Result<Listing, Error>)>,
    excuse: &Excuse<'_>,
    decide: &mut Decide<'_>,
) -> Result<Option<Vec<Change>>, Error> {
    let mut changes = Vec::new();
    for (family, listing) in listings {
        match listing {
            Ok(listing) => {
                let Some(plan) = decide(&listing.observed())? else { return Ok(None) };
                let text = plan.text()?;
                if !text.is_empty() {
                    changes.push(Change { family, text });
                }
            }
            Err(error) => excuse(family, error)?,
        }
    }
    Ok(Some(changes))
}
