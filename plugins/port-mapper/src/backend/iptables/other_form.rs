//! Rules with conditions that iptables lists in another form than they are written.
//!
//! The listing is the form in which rules are compared and deleted. What it can't be compared with
//! is left to iptables itself: its command `-C` reports whether a rule exists.

use super::Iptables;
use super::apply::Query;
use super::fast_path::Scope;
use super::observed::{Observed, Tables};
use super::plan::{self, KnownChains};
use crate::backend::interface::{Backend, Guard, Hints};
use crate::claim::Claim;
use crate::conditions;
use crate::error::Error;
use crate::family::Family;
use crate::problem::Problem;

impl Iptables {
    /// Reports whether all rules of a claim with conditions exist, in whichever form iptables lists
    /// them, and no others.
    pub(super) async fn has_in_other_form(
        &self,
        observed: &Observed<'_>,
        claim: &Claim,
        known: KnownChains<'_>,
    ) -> Result<bool, Error> {
        let family = observed.family;
        if claim.conditions.of(family).is_empty()
            || !plan::compare_count(observed, claim, known).differences().is_empty()
        {
            return Ok(false);
        }
        match self.executor.run(family, &plan::expected(claim, family)?).await {
            Err(Error::Iptables { .. }) => Ok(false),
            exist => exist.map(|()| true),
        }
    }

    /// Removes the rules of a claim whose conditions iptables lists in a form in which it does not
    /// find them again, as those of the match `recent`: no DEL could remove them.
    pub(super) async fn refuse_irremovable(
        &self,
        claim: &Claim,
        guard: Guard,
    ) -> Result<(), Error> {
        let has_extensions =
            |family: &Family| !claim.conditions.matches(*family).extensions.is_empty();
        for family in claim.families().filter(has_extensions) {
            if self.finds_again(claim, family).await? {
                continue;
            }
            self.executor.run(family, &plan::retraction(claim, family).text()?).await?;
            let chain = Some(claim.chain.clone());
            let hints = Hints { chain, families: None, guard, had_rules: true };
            self.remove(&claim.owner, Some(claim), &hints).await?;
            let why = "iptables does not find a rule with one of these matches in the form in \
                       which it lists it, so no DEL could remove it; use another match than \
                       \"recent\", such as \"set\" or \"hashlimit\"";
            return Err(Error::Config(vec![Problem::new(conditions::key(family), why)]));
        }
        Ok(())
    }

    /// Reports whether iptables finds the rules of a claim's owner in the form in which it lists
    /// them.
    async fn finds_again(&self, claim: &Claim, family: Family) -> Result<bool, Error> {
        let scope = Some(Scope { claim, conflicts: true });
        let query = Query { family, tables: Tables::Nat, scope };
        for listing in self.executor.observe(&[query]).await {
            let listed = plan::listed(&listing?.observed(), claim)?;
            match self.executor.run(family, &listed).await {
                Err(Error::Iptables { .. }) => return Ok(false),
                exist => exist?,
            }
        }
        Ok(true)
    }
}
