//! From a look at the rules to a change of them, and once more when somebody else was faster.

use async_std::prelude::FutureExt;

use super::Iptables;
use super::change::Plan;
use super::plan::Scope;
use super::save::Listing;
use super::sieve::{Sieve, Sifted};
use super::view::{Next, View};
use crate::error::Error;
use crate::family::Family;

/// How often to decide anew when the rules were changed by somebody else between listing and change.
const ATTEMPTS: usize = 3;

/// What to look at in one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) family: Family,
    pub(super) scope: Scope,
    /// Look at the chains that matter to this; without it at all rules.
    pub(super) view: Option<View<'a>>,
}

/// Makes a plan from what is there; `None` when that takes more than what was looked at.
type Decide<'a> = dyn FnMut(Family, Scope, &Listing<'_>) -> Result<Option<Plan>, Error> + 'a;

impl Iptables {
    /// Both listings at the same time, where there are two.
    pub(super) async fn list(&self, wanted: &[Wanted<'_>]) -> Vec<Result<Sifted, Error>> {
        match wanted {
            [] => Vec::new(),
            [one] => vec![self.look(one).await],
            [one, two, ..] => {
                let (one, two) = self.look(one).join(self.look(two)).await;
                vec![one, two]
            }
        }
    }

    /// The processes that will change the rules, each family's, are started while it is looked at: that takes as long as the look. Not where
    /// nobody knows whether there is anything to change.
    async fn stock_up(&self, wanted: &[Wanted<'_>]) {
        for wanted in wanted.iter().filter(|wanted| wanted.view.is_some()) {
            self.runner.stock_up(wanted.family, 1).await;
        }
    }

    async fn look(&self, wanted: &Wanted<'_>) -> Result<Sifted, Error> {
        if let Some(view) = &wanted.view
            && let Some(sifted) = self.glance(wanted, view).await?
        {
            return Ok(sifted);
        }
        Ok(Sifted::all(self.runner.list(wanted.family, wanted.scope).await?))
    }

    /// The chains that matter; `None` when they don't tell enough. One process, two where other networks have chains.
    async fn glance(&self, wanted: &Wanted<'_>, view: &View<'_>) -> Result<Option<Sifted>, Error> {
        let Wanted { family, scope, .. } = *wanted;
        let mut sieve = Sieve::new(view, family);
        let mut asked = view.chains(scope);
        let Some(seen) = self.runner.show(family, &asked, &mut sieve).await? else {
            return Ok(None);
        };
        let mut sifted = sieve.sifted();
        let mut next = view.next(&sifted.listing(), &asked, seen, family);
        if let Next::Also(also) = next {
            if self.runner.show(family, &also, &mut sieve).await? != Some(also.len()) {
                return Ok(None);
            }
            sifted = sieve.sifted();
            asked.truncate(seen);
            asked.extend(also);
            next = view.next(&sifted.listing(), &asked, asked.len(), family);
        }
        Ok((next == Next::Decide).then_some(sifted))
    }

    /// Lists, decides, changes; and does so anew when the change was refused and would be another one now.
    ///
    /// All families are decided before the first is changed: a conflict in one leaves the other untouched.
    pub(super) async fn settle(
        &self,
        wanted: &[Wanted<'_>],
        accept: &dyn Fn(&Error) -> bool,
        decide: &mut Decide<'_>,
    ) -> Result<bool, Error> {
        let changed = self.change(wanted, accept, decide).await;
        self.runner.stock.dismiss().await;
        changed
    }

    async fn change(
        &self,
        wanted: &[Wanted<'_>],
        accept: &dyn Fn(&Error) -> bool,
        decide: &mut Decide<'_>,
    ) -> Result<bool, Error> {
        let mut wanted = wanted.to_vec();
        let mut changed = false;
        let mut refused: Option<(String, Error)> = None;
        'attempts: for _ in 0..ATTEMPTS {
            let (listings, ()) = self.list(&wanted).join(self.stock_up(&wanted)).await;
            let mut texts = Vec::new();
            for (&Wanted { family, scope, .. }, listing) in wanted.iter().zip(listings) {
                match listing {
                    Ok(sifted) => {
                        let Some(plan) = decide(family, scope, &sifted.listing())? else {
                            look_at_everything(&mut wanted);
                            continue 'attempts;
                        };
                        texts.push((family, plan.text()?));
                    }
                    Err(error) if accept(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            match self.apply(&texts, &mut changed, refused.take()).await? {
                None => return Ok(changed),
                again => refused = again,
            }
            // What was taken for absent may have been there.
            look_at_everything(&mut wanted);
        }
        match refused {
            Some((_, error)) => Err(self.explained(error).await),
            None => Ok(changed),
        }
    }

    /// The text that was refused, and why, when it is worth another look at the rules.
    async fn apply(
        &self,
        texts: &[(Family, String)],
        changed: &mut bool,
        before: Option<(String, Error)>,
    ) -> Result<Option<(String, Error)>, Error> {
        for (family, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
            match self.runner.restore(*family, text).await {
                Ok(()) => *changed = true,
                Err(error @ Error::Iptables { .. }) => {
                    // The same text again: so it is not that somebody was faster.
                    return match before {
                        Some((refused, _)) if refused == *text => Err(self.explained(error).await),
                        _ => Ok(Some((text.clone(), error))),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The error, or the reason behind it: an iptables too old for us.
    async fn explained(&self, error: Error) -> Error {
        match self.runner.fit_version().await {
            Err(unfit @ Error::Unfit { .. }) => unfit,
            _ => error,
        }
    }
}

fn look_at_everything(wanted: &mut [Wanted<'_>]) {
    wanted.iter_mut().for_each(|wanted| wanted.view = None);
}
