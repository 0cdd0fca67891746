//! What an ADD does under the lock: it decides who has the host ports, and installs the rules.

use crate::apply::apply;
use crate::backend::{Backend, Backends, ExistingRules};
use crate::claim::Claim;
use crate::config::Settings;
use crate::conflict::{Conflict, Evidence};
use crate::detach::remove;
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::lock::Unlocked;
use crate::mappings::Mapping;
use crate::other_backends;
use crate::owner::Owner;
use crate::ownership::{Decision, Recorded, decide};
use crate::records::Records;
use crate::state::State;
use crate::wait::{FoundBy, Wait};

/// Installs the rules of the claim. Returns the claim as it was stored, some of its mappings
/// perhaps on standby. `state` is the state directory, if it is open already.
///
/// # Errors
///
/// [`Unchanged`]: the lock is held, or a host port belongs to another container.
/// [`AttachError::Changed`]: a change is rejected.
pub async fn install(
    settings: &Settings,
    state: Option<State>,
    claim: &Claim,
    backends: &Backends,
    wait: &mut Wait,
) -> Result<Claim, AttachError> {
    let backend = backends.get(claim.backend).map_err(Unchanged)?;
    backend.can_map(claim).map_err(Unchanged)?;
    let records = Records::open_with(&settings.state_dir, state).map_err(Unchanged)?;
    let unlocked = Unlocked::open(&records.host).map_err(Unchanged)?;
    backend.prepare(claim).await;
    let _lock = unlocked.lock(settings.lock_timeout).await.map_err(Unchanged)?;
    wait.check().and_then(|()| records.complete()).map_err(Unchanged)?;
    let others = records.others_and_tidy(claim).map_err(Unchanged)?;
    let known = others.iter().map(|other| Known::of(other, claim)).collect::<Vec<_>>();
    let Decision { mut conflicts, gone, standby } = decide(claim, others);
    conflicts.extend(wait.ahead(&records, claim, &standby));
    if !conflicts.is_empty() {
        return Err(wait.refused(&records, claim, conflicts, FoundBy::Records));
    }
    remove_gone(&records, backends, &gone).await?;
    match install_with_standby(&records, backends, claim, standby, &known).await {
        Err(Unchanged(Error::Conflict { conflicts, .. })) => {
            Err(wait.refused(&records, claim, conflicts, FoundBy::Rules))
        }
        installed => installed,
    }
}

/// What claims show about the owner of rules.
struct Known {
    owner: Owner,
    evidence: Evidence,
    is_companion: bool,
}

impl Known {
    fn of(other: &Recorded, claim: &Claim) -> Self {
        Self {
            owner: Owner::from(&other.claim.owner),
            evidence: Evidence::of(other.liveness),
            is_companion: other.claim.is_companion_of(claim),
        }
    }
}

async fn remove_gone(
    records: &Records,
    backends: &Backends,
    gone: &[Recorded],
) -> Result<(), AttachError> {
    for Recorded { claim, state_dir, .. } in gone {
        log::info!("{} no longer exists; its host ports are free", Owner::from(&claim.owner));
        remove(&records.of_directory(state_dir)?, backends, &claim.owner, None).await?;
    }
    Ok(())
}

/// Installs the rules of a claim with which no claim of another container is in conflict.
///
/// Rules of the same container without a claim count, too: their host ports are on standby.
async fn install_with_standby(
    records: &Records,
    backends: &Backends,
    claim: &Claim,
    mut standby: Vec<Mapping>,
    known: &[Known],
) -> Result<Claim, AttachError> {
    loop {
        let reduced = claim.clone().with_standby(&standby);
        let conflicts = match install_alone(records, backends, &reduced).await {
            Err(Unchanged(Error::Conflict { conflicts, .. })) => conflicts,
            installed => return installed.map(|()| reduced),
        };
        let mut rivals = Vec::new();
        for conflict in conflicts {
            match known.iter().find(|known| known.owner == conflict.owner) {
                Some(known) if !known.is_companion => {
                    rivals.push(Conflict { evidence: known.evidence, ..conflict });
                }
                None if !conflict.owner.is_companion(&claim.owner) => rivals.push(conflict),
                _ => standby.push(conflict.mapping),
            }
        }
        if !rivals.is_empty() {
            return Err(Unchanged(Error::conflict(rivals)));
        }
    }
}

/// Installs the rules of a claim with which no other claim is in conflict.
async fn install_alone(
    records: &Records,
    backends: &Backends,
    claim: &Claim,
) -> Result<(), AttachError> {
    let backend = backends.get(claim.backend)?;
    // In new records, the absence of a claim proves nothing.
    let before = match records.are_new {
        true => Err(()),
        false => records.state.read(&claim.owner).map_err(drop),
    };
    let known = before.as_ref().ok().and_then(Option::as_ref);
    other_backends::clear(records, backends, claim, known).await.map_err(|error| match error {
        Error::Conflict { .. } => Unchanged(error),
        error => error.into(),
    })?;
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
