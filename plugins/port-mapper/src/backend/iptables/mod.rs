//! Rules by iptables: at most one listing and one iptables-restore per family, and the latter only
//! if something has to change.
//!
//! [`observed`] parses a listing, [`desired`] are the rules of a claim, and [`plan`] decides what
//! has to change; these three are pure. `apply` lists, decides and changes; `run` starts the
//! programs; `fast_path` makes it quick.

mod apply;
mod bulk;
mod compatible;
pub mod desired;
mod fast_path;
mod links;
mod lock_holder;
mod lock_watch;
mod messages;
mod notes;
pub mod observed;
mod other_form;
pub mod plan;
mod programs;
mod refused_conditions;
mod rule;
mod run;
mod well_known;
mod xtables_lock;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use cni_wrapper::Attachment;

use super::interface::{
    Backend, ChainRecord, ExistingRules, Guard, Hints, Installed, OwnedPorts, ProgramEnvironment,
    Readiness,
};
use super::remains::excuse;
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use apply::{Executor, Query, Steps};
use fast_path::Scope;
use notes::Notes;
use observed::{Observed, Tables};
use plan::{Decision, Plan};
use programs::Program;
use run::{Runner, WORK_TIMEOUT};

pub(crate) use rule::split as split_words;
pub use well_known::is_well_known;

pub(super) use messages::lacks_table;
pub(super) use programs::{Names, Programs};

pub use programs::Variant;

/// Every match and target that our rules use, to test whether the host has them.
const PROBE: &str = "*nat
-N PORT-MAPPER-PROBE
-A PORT-MAPPER-PROBE -p tcp -m tcp --dport 1 -m addrtype --dst-type LOCAL \
   -m comment --comment probe -j DNAT --to-destination 192.0.2.1:1
-N PORT-MAPPER-PROBE-MASQ
-A PORT-MAPPER-PROBE-MASQ -m conntrack --ctstate DNAT -j MASQUERADE
COMMIT
*raw
-N PORT-MAPPER-PROBE
-A PORT-MAPPER-PROBE -d 127.0.0.0/8 ! -i lo -j DROP
COMMIT
";

/// The iptables of this host, in one of its variants.
#[derive(Debug)]
pub struct Iptables {
    executor: Executor,
    /// The record of who made which chain, if there is one.
    chains: RefCell<Option<Rc<dyn ChainRecord>>>,
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
        Self::open(Programs::new(variant, environment), lock_timeout)
    }

    /// Checks that the programs for IPv4 exist.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`].
    pub(super) fn open(programs: Programs, lock_timeout: Duration) -> Result<Self, Error> {
        programs.find(Program::Save, Family::V4)?;
        programs.find(Program::Restore, Family::V4)?;
        let runner = Runner { programs, lock_timeout, work_timeout: WORK_TIMEOUT };
        Ok(Self { executor: Executor::new(runner), chains: RefCell::default() })
    }

    fn notes(&self) -> Result<Notes, Error> {
        Notes::read(self.chains.borrow().clone())
    }

    /// Succeeds if a listing that failed would have no rule of the owner, or of any owner.
    fn excuse(
        &self,
        family: Family,
        owner: Option<&Attachment>,
        error: Error,
    ) -> Result<(), Error> {
        excuse(error, self.variant(), &[family], owner)
    }
}

impl Backend for Iptables {
    fn record_chains_in(&self, record: Rc<dyn ChainRecord>) {
        self.chains.replace(Some(record));
    }

    fn can_map(&self, claim: &Claim) -> Result<(), Error> {
        // Those for IPv4 have been found.
        if !claim.families().any(|family| family == Family::V6) {
            return Ok(());
        }
        let find = |program| self.executor.runner.programs.find(program, Family::V6);
        match find(Program::Save).and_then(|_| find(Program::Restore)) {
            Err(Error::Missing { program, searched }) => {
                let why = format!(
                    "it is not installed in {searched}, and the mappings include the container's \
                     IPv6 address; install ip6tables, set \"backend\": \"nftables\", or give \
                     each mapping an IPv4 hostIP"
                );
                Err(Error::Unfit { program: program.into(), why })
            }
            found => found.map(drop),
        }
    }

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
        guard: Guard,
    ) -> Result<Installed, Error> {
        let notes = self.notes()?;
        let mut decide = |observed: &Observed<'_>| {
            let decided = plan::install(observed, claim, notes.known(), guard)?;
            Ok(note(&notes, observed, decided))
        };
        let steps = Steps {
            excuse: &|_, error| Err(error),
            decide: &mut decide,
            before_change: &|| notes.announce(),
        };
        let changed = self.executor.apply(&claim_queries(claim, true, guard), steps).await;
        let changed = changed.map_err(|error| refused_conditions::explained(claim, error))?;
        notes.conclude()?;
        self.refuse_irremovable(claim, guard).await?;
        Ok(Installed { changed })
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        // The original's rules are searched in one chain, which must be the claim's to be in scope.
        let known = claim.filter(|claim| hints.chain.as_ref() == Some(&claim.chain));
        let families = hints.families.as_deref().unwrap_or(&Family::ALL);
        let is_thinned_out =
            self.variant() == Variant::Nft && bulk::thin_out(owner, claim, families);
        let known = known.filter(|_| !is_thinned_out);
        let scope = known.map(|claim| Scope { claim, conflicts: false });
        let query = |&family| Query { family, tables: all_tables(family), scope };
        let queries: Vec<_> = families.iter().map(query).collect();
        let notes = self.notes()?;
        let mut decide = |observed: &Observed<'_>| {
            let decided = plan::remove(observed, owner, claim, hints, notes.known());
            Ok(note(&notes, observed, decided))
        };
        let steps = Steps {
            excuse: &|family, error| {
                self.excuse(family, Some(owner), error)?;
                notes.decide(family, plan::remove_nothing(family, owner, claim, notes.known()));
                Ok(())
            },
            decide: &mut decide,
            before_change: &|| Ok(()),
        };
        self.executor.apply(&queries, steps).await?;
        notes.conclude()
    }

    async fn ensure_guard(&self) -> Result<(), Error> {
        let query = Query { family: Family::V4, tables: Tables::Raw, scope: None };
        let steps = Steps {
            excuse: &|_, error| Err(error),
            decide: &mut |observed: &Observed<'_>| Ok(Some(plan::guard(observed))),
            before_change: &|| Ok(()),
        };
        self.executor.apply(&[query], steps).await.map(drop)
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        let queries = claim_queries(claim, false, Guard::AsRulesRequire);
        let notes = self.notes()?;
        for listing in self.executor.observe(&queries).await {
            let listing = listing?;
            let observed = listing.observed();
            let differences = plan::compare(&observed, claim, notes.known()).differences();
            if !differences.is_empty()
                && !self.has_in_other_form(&observed, claim, notes.known()).await?
            {
                return Err(Error::Differs { rules: listing.family.as_str(), differences });
            }
        }
        Ok(())
    }

    async fn owned_ports(&self) -> Result<Vec<OwnedPorts>, Error> {
        let queries = Family::ALL.map(|family| Query { family, tables: Tables::Nat, scope: None });
        let mut all = Vec::new();
        for (family, listing) in Family::ALL.into_iter().zip(self.executor.observe(&queries).await)
        {
            match listing {
                Ok(listing) => all.extend(owned_ports(&listing.observed())),
                Err(error) => self.excuse(family, None, error)?,
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

/// Keeps what a decision means for the record, and returns its plan.
fn note(notes: &Notes, observed: &Observed<'_>, decided: Decision) -> Option<Plan> {
    notes.decide(observed.family, decided.notes);
    Some(decided.plan)
}

/// Returns what ADD and CHECK observe: only families with mappings, and the raw table only if the
/// container is reached through 127.0.0.1.
fn claim_queries(claim: &Claim, conflicts: bool, guard: Guard) -> Vec<Query<'_>> {
    let scope = Some(Scope { claim, conflicts });
    let query = |family| {
        let tables = match claim.serves_localhost() || guard == Guard::Needed {
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
