//! Rules by iptables: one listing, a decision, and one iptables-restore per family; the latter only when there is
//! something to change.
//!
//! [`save`] reads, [`rules`] says what a claim wants, `view` what to look at for it, [`plan`] decides; all four are pure.
//! `settle` goes from a look to a change, `run` executes, `sieve` keeps of a listing what matters.

mod ahead;
mod change;
pub mod plan;
pub mod rules;
mod run;
pub mod save;
mod settle;
mod sieve;
mod skeleton;
mod survey;
mod tools;
mod version;
mod view;
mod words;
mod xtables_lock;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Backend, Besides, Fitness, Hints, Holding, Installed, Surroundings};
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;
use ahead::Stock;
use cni_wrapper::Attachment;
use plan::{Decision, Scope};
use run::{Runner, WORK};
use save::Listing;
use settle::Wanted;
use tools::{Program, Tools};
use view::View;

pub use change::Plan;
pub use sieve::Others;
pub use tools::Variant;

/// Every match and target that our rules are made of, in rules that are tried and never made.
const PROBE: &str = "\
*nat
-N PORT-MAPPER-PROBE
-A PORT-MAPPER-PROBE -p tcp -m tcp --dport 1 -m addrtype --dst-type LOCAL -m comment --comment probe -j DNAT --to-destination 192.0.2.1:1
-N PORT-MAPPER-PROBE-MASQ
-A PORT-MAPPER-PROBE-MASQ -m conntrack --ctstate DNAT -j MASQUERADE
COMMIT
";

/// The iptables of this host, in one of its variants.
#[derive(Debug)]
pub struct Iptables {
    runner: Runner,
}

impl Iptables {
    /// Looks for the programs of IPv4; those of IPv6 are looked for when there is something to do for them.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub fn find(
        variant: Variant,
        surroundings: &Surroundings,
        lock_timeout: Duration,
    ) -> Result<Self, Error> {
        let tools = Tools::new(variant, surroundings);
        tools.find(Program::Save, Family::V4)?;
        tools.find(Program::Restore, Family::V4)?;
        Ok(Self { runner: Runner { tools, lock_timeout, work: WORK, stock: Stock::default() } })
    }
}

impl Backend for Iptables {
    async fn prepare(&self, claim: &Claim) {
        for family in claim.families() {
            // One looks, one changes.
            self.runner.stock_up(family, 2).await;
        }
    }

    async fn install(
        &self,
        claim: &Claim,
        // They are found by their tags.
        _besides: Besides,
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error> {
        let mut installed = Installed::default();
        let mut replaced = Vec::new();
        let changed = self
            .settle(&wanted_by(claim, true), &|_| false, &mut |family, scope, listing| {
                let Decision { plan, replaced: gone } =
                    plan::install(listing, scope, family, claim, is_stale)?;
                // What goes of a holder goes as a whole, also what was passed over.
                if !gone.is_empty() && listing.others.any() {
                    return Ok(None);
                }
                replaced.extend(gone);
                Ok(Some(plan))
            })
            .await?;
        installed.changed = changed;
        replaced.sort_unstable();
        replaced.dedup();
        installed.replaced = replaced;
        Ok(installed)
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        // Rules of the original are looked for in one chain: that must be the claim's.
        let known = claim.filter(|claim| hints.chain.as_ref() == Some(&claim.chain));
        let view = known.map(|claim| View { claim, conflicts: false });
        let families = hints.families.as_deref().unwrap_or(&Family::ALL).iter();
        let wanted: Vec<_> =
            families.map(|&family| Wanted { family, scope: widest_scope(family), view }).collect();
        // Where no claim is known, a family that this host does not have holds no rules.
        let accept = |error: &Error| hints.families.is_none() && is_absent(error);
        self.settle(&wanted, &accept, &mut |family, scope, listing| {
            Ok(Some(plan::remove(listing, scope, family, owner, hints)))
        })
        .await?;
        Ok(())
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        let wanted = wanted_by(claim, false);
        for (Wanted { family, scope, .. }, listing) in wanted.iter().zip(self.list(&wanted).await) {
            let plan = plan::compare(&listing?.listing(), *scope, *family, claim);
            let differences = plan.differences();
            if !differences.is_empty() {
                return Err(Error::Differs { rules: family.as_str(), differences });
            }
        }
        Ok(())
    }

    async fn holdings(&self) -> Result<Vec<Holding>, Error> {
        let wanted = Family::ALL.map(|family| Wanted { family, scope: Scope::Nat, view: None });
        let mut all = Vec::new();
        for (Wanted { family, .. }, listing) in wanted.iter().zip(self.list(&wanted).await) {
            match listing {
                Ok(sifted) => all.extend(holdings(&sifted.listing(), *family)),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn ready(&self) -> Result<Fitness, Error> {
        let version = self.runner.fit_version().await?;
        self.runner.try_out(Family::V4, PROBE).await?;
        let ipv6 = match self.runner.tools.find(Program::Restore, Family::V6) {
            Ok(_) => self.runner.list(Family::V6, Scope::Nat).await.map(drop),
            Err(error) => Err(error),
        };
        Ok(Fitness { version, ipv6: ipv6.map_err(|error| error.to_string()) })
    }
}

/// What an ADD has to look at: only families with something to map, and the raw table only where 127.0.0.1 is
/// served.
fn wanted_by(claim: &Claim, conflicts: bool) -> Vec<Wanted<'_>> {
    let scope = |family| match family {
        Family::V4 if claim.serves_localhost() => Scope::All,
        _ => Scope::Nat,
    };
    let view = Some(View { claim, conflicts });
    claim.families().map(|family| Wanted { family, scope: scope(family), view }).collect()
}

/// The guard is IPv4's.
fn widest_scope(family: Family) -> Scope {
    match family {
        Family::V4 => Scope::All,
        Family::V6 => Scope::Nat,
    }
}

/// Whether an error says that this host can't have rules of that family.
fn is_absent(error: &Error) -> bool {
    match error {
        Error::Missing { .. } => true,
        Error::Iptables { said, .. } => {
            said.contains("Table does not exist") || said.contains("not supported")
        }
        _ => false,
    }
}

fn holdings(listing: &Listing<'_>, family: Family) -> Vec<Holding> {
    let tagged = survey::tagged(listing);
    let mut found: BTreeMap<(&str, &str), Holding> = BTreeMap::new();
    for tagged in &tagged {
        let taken = tagged.taken().map(|(taken, target)| (taken, target.to_owned()));
        let chain = tagged.rule.chain;
        let holding = found.entry((&tagged.tag, chain)).or_insert_with(|| Holding {
            owner: tagged.holder(),
            family,
            chain: chain.to_owned(),
            ports: Vec::new(),
        });
        holding.ports.extend(taken);
    }
    found.into_values().collect()
}
