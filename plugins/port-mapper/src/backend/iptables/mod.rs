//! Rules by iptables: at most one listing and one iptables-restore per family, and the latter only
//! if something has to change.
//!
//! [`observed`] parses a listing, [`desired`] are the rules of a claim, and [`plan`] decides what
//! has to change; these three are pure. `apply` lists, decides and changes; `run` starts the
//! programs; `fast_path` makes it quick.

mod apply;
pub mod desired;
mod fast_path;
mod lock_holder;
mod lock_watch;
pub mod observed;
pub mod plan;
mod programs;
mod rule;
mod run;
mod xtables_lock;

use std::collections::BTreeMap;
use std::time::Duration;

use cni_wrapper::Attachment;

use super::interface::{
    Backend, ExistingRules, Hints, Installed, OwnedPorts, ProgramEnvironment, Readiness,
};
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;
use apply::{Executor, Query};
use fast_path::Scope;
use observed::{Observed, Tables};
use plan::Decision;
use programs::{Program, Programs};
use run::{Runner, WORK_TIMEOUT};

pub use programs::Variant;

/// Every match and target that our rules use, to test whether the host has them.
const PROBE: &str = "*nat
-N PORT-MAPPER-PROBE
-A PORT-MAPPER-PROBE -p tcp -m tcp --dport 1 -m addrtype --dst-type LOCAL \
   -m comment --comment probe -j DNAT --to-destination 192.0.2.1:1
-N PORT-MAPPER-PROBE-MASQ
-A PORT-MAPPER-PROBE-MASQ -m conntrack --ctstate DNAT -j MASQUERADE
COMMIT
";

/// The iptables of this host, in one of its variants.
#[derive(Debug)]
pub struct Iptables {
    executor: Executor,
}

impl Iptables {
    /// Finds the programs for IPv4. Those for IPv6 are searched when they are needed.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub fn find(
        variant: Variant,
        environment: &ProgramEnvironment,
        lock_timeout: Duration,
    ) -> Result<Self, Error> {
        let programs = Programs::new(variant, environment);
        programs.find(Program::Save, Family::V4)?;
        programs.find(Program::Restore, Family::V4)?;
        let runner = Runner { programs, lock_timeout, work_timeout: WORK_TIMEOUT };
        Ok(Self { executor: Executor::new(runner) })
    }
}

impl Backend for Iptables {
    async fn prepare(&self, claim: &Claim) {
        for family in claim.families() {
            self.executor.prepare(family).await;
        }
    }

    async fn install(
        &self,
        claim: &Claim,
        // Existing rules are found by their tags.
        _existing: ExistingRules,
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error> {
        let mut replaced = Vec::new();
        let mut decide = |observed: &Observed<'_>| {
            let decision = plan::install(observed, claim, is_stale)?;
            // All rules of a stale owner are removed, including those that a listing left out.
            if !decision.replaced.is_empty() && !observed.omitted.is_empty() {
                return Ok(None);
            }
            let Decision { plan, replaced: stale } = decision;
            replaced.extend(stale);
            Ok(Some(plan))
        };
        let changed =
            self.executor.apply(&claim_queries(claim, true), &|_| false, &mut decide).await?;
        replaced.sort_unstable();
        replaced.dedup();
        Ok(Installed { changed, replaced })
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        // The original's rules are searched in one chain, which must be the claim's to be in scope.
        let known = claim.filter(|claim| hints.chain.as_ref() == Some(&claim.chain));
        let scope = known.map(|claim| Scope { claim, conflicts: false });
        let families = hints.families.as_deref().unwrap_or(&Family::ALL).iter();
        let query = |&family| Query { family, tables: all_tables(family), scope };
        let queries: Vec<_> = families.map(query).collect();
        // If no claim is known, a family that this host does not have contains no rules.
        let accept = |error: &Error| hints.families.is_none() && is_absent(error);
        let mut decide = |observed: &Observed<'_>| Ok(Some(plan::remove(observed, owner, hints)));
        self.executor.apply(&queries, &accept, &mut decide).await.map(drop)
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        for listing in self.executor.observe(&claim_queries(claim, false)).await {
            let listing = listing?;
            let differences = plan::compare(&listing.observed(), claim).differences();
            if !differences.is_empty() {
                return Err(Error::Differs { rules: listing.family.as_str(), differences });
            }
        }
        Ok(())
    }

    async fn owned_ports(&self) -> Result<Vec<OwnedPorts>, Error> {
        let queries = Family::ALL.map(|family| Query { family, tables: Tables::Nat, scope: None });
        let mut all = Vec::new();
        for listing in self.executor.observe(&queries).await {
            match listing {
                Ok(listing) => all.extend(owned_ports(&listing.observed())),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    async fn ready(&self) -> Result<Readiness, Error> {
        let runner = &self.executor.runner;
        let version = runner.supported_version().await?;
        runner.test(Family::V4, PROBE).await?;
        let ipv6 = match runner.programs.find(Program::Restore, Family::V6) {
            Ok(_) => runner.save(Family::V6, Tables::Nat).await.map(drop),
            Err(error) => Err(error),
        };
        Ok(Readiness { version, ipv6: ipv6.map_err(|error| error.to_string()) })
    }
}

/// Returns what ADD and CHECK observe: only families with mappings, and the raw table only if the
/// container is reached through 127.0.0.1.
fn claim_queries(claim: &Claim, conflicts: bool) -> Vec<Query<'_>> {
    let scope = Some(Scope { claim, conflicts });
    let query = |family| {
        let tables = match claim.serves_localhost() {
            true => all_tables(family),
            false => Tables::Nat,
        };
        Query { family, tables, scope }
    };
    claim.families().map(query).collect()
}

/// The raw table matters for the guard, which is IPv4's.
fn all_tables(family: Family) -> Tables {
    match family {
        Family::V4 => Tables::NatAndRaw,
        Family::V6 => Tables::Nat,
    }
}

/// Reports whether an error means that this host can't have rules of the family.
fn is_absent(error: &Error) -> bool {
    match error {
        Error::Missing { .. } => true,
        Error::Iptables { message, .. } => {
            message.contains("Table does not exist") || message.contains("not supported")
        }
        _ => false,
    }
}

fn owned_ports(observed: &Observed<'_>) -> Vec<OwnedPorts> {
    let tagged = observed.tagged();
    let mut found: BTreeMap<(&str, &str), OwnedPorts> = BTreeMap::new();
    for tagged in &tagged {
        let ports = tagged.host_ports().map(|(ports, target)| (ports, target.to_owned()));
        let chain = tagged.rule.chain;
        let owned = found.entry((&tagged.tag, chain)).or_insert_with(|| OwnedPorts {
            owner: tagged.owner(),
            family: observed.family,
            chain: chain.to_owned(),
            ports: Vec::new(),
        });
        owned.ports.extend(ports);
    }
    found.into_values().collect()
}
