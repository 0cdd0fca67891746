//! ADD: maps the host ports of an attachment.

use std::path::Path;

use cni_wrapper::{AddResult, Call};

use crate::apply::apply;
use crate::backend::{Backend, Backends, ExistingRules};
use crate::claim::Claim;
use crate::config::Settings;
use crate::conflict::{Conflict, Evidence};
use crate::detach::{detach, remove};
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::host::{flows, hairpin, localhost};
use crate::liveness::Liveness;
use crate::lock::Unlocked;
use crate::mappings::Mapping;
use crate::namespace::NamespaceId;
use crate::other_backends;
use crate::owner::Owner;
use crate::ownership::{Decision, decide};
use crate::records::Records;
use crate::state::State;
use crate::wait::Wait;

/// Maps the host ports, in an order that a DEL can clean up after at any point.
///
/// A host port of another container is waited for: some runtimes, such as Mesos, start the next
/// task before the DEL of the last one.
///
/// # Errors
///
/// [`Unchanged`]: the claim cannot work, the lock is held, or a host port belongs to another
/// container. [`AttachError::Changed`]: a change is rejected.
pub async fn attach(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
) -> Result<(), AttachError> {
    let mut claim = Claim::of_call(call, settings, result).map_err(Unchanged)?;
    let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
    detach_if_unclear(settings, &claim, &backends).await?;
    if claim.mappings.is_empty() {
        store_unmapped(settings, &claim);
        return Ok(());
    }
    claim.namespace = NamespaceId::of(Path::new(&claim.netns));
    claim.backend = backends.kind(settings.backend).await;
    localhost::decide(&mut claim).map_err(Unchanged)?;
    let mut wait = Wait::new(settings.conflict_timeout);
    let installed = loop {
        match install(settings, &claim, &backends, &mut wait).await {
            Err(Unchanged(Error::Conflict { conflicts, .. })) => {
                wait.for_change(settings, &claim, conflicts).await?;
            }
            installed => break installed?,
        }
    };
    // The rest concerns this container alone, so it does not need the lock.
    let interfaces: Vec<String> =
        result.host_interfaces().into_iter().map(|link| link.name).collect();
    hairpin::enable(&installed, &interfaces)?;
    Ok(flows::remove_stale(&installed)?)
}

/// Removes what an earlier ADD of the attachment left, if it is unknown which rules it has or if it
/// has nothing to map any more.
async fn detach_if_unclear(
    settings: &Settings,
    claim: &Claim,
    backends: &Backends,
) -> Result<(), AttachError> {
    let Some(state) = State::open_existing(&settings.state_dir).map_err(Unchanged)? else {
        return Ok(());
    };
    // An ADD or DEL of the attachment was killed. Its rules may differ from those of this claim,
    // and the state has room for one prepared claim only.
    let is_prepared = state.read_prepared(&claim.owner).is_some();
    let is_unclear = is_prepared
        || match state.read_committed(&claim.owner) {
            Err(_) => true,
            Ok(before) => {
                claim.mappings.is_empty() && before.is_some_and(|before| before.has_any())
            }
        };
    if is_unclear {
        detach(&claim.owner, &settings.into(), backends).await?;
    }
    Ok(())
}

/// Records that nothing is mapped, so that DEL can skip listing rules.
fn store_unmapped(settings: &Settings, claim: &Claim) {
    let written = State::open(&settings.state_dir).and_then(|state| state.write(claim));
    if let Err(error) = written {
        log::warn!("DEL will have to list the rules of all containers: {error}");
    }
}

/// Installs the rules of the claim, under the lock. Returns the claim as it was stored.
async fn install(
    settings: &Settings,
    claim: &Claim,
    backends: &Backends,
    wait: &mut Wait,
) -> Result<Claim, AttachError> {
    let backend = backends.get(claim.backend).map_err(Unchanged)?;
    backend.can_map(claim).map_err(Unchanged)?;
    let records = Records::open(&settings.state_dir).map_err(Unchanged)?;
    let unlocked = Unlocked::open(&records.host).map_err(Unchanged)?;
    backend.prepare(claim).await;
    let _lock = unlocked.lock(settings.lock_timeout).await.map_err(Unchanged)?;
    records.complete().map_err(Unchanged)?;
    let others = records.others(claim)?;
    let known: Vec<_> =
        others.iter().map(|other| (Owner::from(&other.claim.owner), other.liveness)).collect();
    let Decision { mut conflicts, gone, mut standby } = decide(claim, others);
    let own = records.state.read_committed(&claim.owner).ok().flatten();
    // What the container has already is not to be given up to those who wait for it.
    let is_had = |mapping: &Mapping| {
        standby.contains(mapping)
            || own.as_ref().is_some_and(|own| own.all_mappings().contains(mapping))
    };
    let ahead = wait.ahead(&records, claim).into_iter();
    conflicts.extend(ahead.filter(|conflict| !is_had(&conflict.mapping)));
    if !conflicts.is_empty() {
        return Err(wait.refused(&records, claim, conflicts));
    }
    for other in &gone {
        log::info!("{} no longer exists", Owner::from(&other.claim.owner));
        remove(&records.of_directory(&other.state_dir)?, backends, &other.claim.owner, None)
            .await?;
    }
    loop {
        let reduced = claim.clone().with_standby(&standby);
        match install_without_rivals(&records, backends, backend, &reduced).await {
            Err(Unchanged(Error::Conflict { conflicts, .. })) => {
                // Rules of the same container without a claim count, too.
                let (companions, rivals): (Vec<_>, Vec<_>) = conflicts
                    .into_iter()
                    .partition(|conflict| conflict.owner.is_companion(&claim.owner));
                if !rivals.is_empty() || companions.is_empty() {
                    let rivals =
                        rivals.into_iter().map(|rival| with_evidence(rival, &known)).collect();
                    return Err(wait.refused(&records, claim, rivals));
                }
                standby.extend(companions.into_iter().map(|conflict| conflict.mapping));
            }
            Err(error) => return Err(error),
            Ok(()) => return Ok(reduced),
        }
    }
}

/// Adds what claims show about the owner of rules.
fn with_evidence(conflict: Conflict, known: &[(Owner, Liveness)]) -> Conflict {
    match known.iter().find(|(owner, _)| *owner == conflict.owner) {
        Some((_, liveness)) => Conflict { evidence: Evidence::of(*liveness), ..conflict },
        None => conflict,
    }
}

/// Installs the rules of a claim with which no other claim is in conflict.
async fn install_without_rivals(
    records: &Records,
    backends: &Backends,
    backend: &impl Backend,
    claim: &Claim,
) -> Result<(), AttachError> {
    // In new records, the absence of a claim proves nothing.
    let before = match records.are_new {
        true => Err(()),
        false => records.state.read(&claim.owner).map_err(drop),
    };
    let known = before.as_ref().ok().and_then(Option::as_ref);
    other_backends::clear(records, backends, claim, known).await?;
    // The claim is stored first: without it, a DEL would have to search for the rules.
    records.prepare(claim, known)?;
    match apply(records, backend, claim, existing_rules(&before)).await {
        Err(error @ Error::Conflict { .. }) => {
            records.discard(claim, known)?;
            Err(Unchanged(error))
        }
        applied => {
            applied?;
            Ok(records.commit(claim, known)?)
        }
    }
}

/// Returns what rules the attachment may have, judged by its claim before this ADD.
fn existing_rules(before: &Result<Option<Claim>, ()>) -> ExistingRules {
    match before {
        Ok(before) if before.as_ref().is_none_or(|claim| claim.mappings.is_empty()) => {
            ExistingRules::OfClaim
        }
        _ => ExistingRules::Any,
    }
}
