//! DEL: removes the rules, flows and state of an attachment.

use std::fs;
use std::path::Path;

use cni_wrapper::Attachment;

use crate::apply::apply;
use crate::backend::{Backend, Backends, ExistingRules, Guard, Hints};
use crate::claim::Claim;
use crate::config::{BackendKind, Cleanup};
use crate::error::Error;
use crate::family::Family;
use crate::guard;
use crate::host::record::HostRecord;
use crate::host::{chains, flows, localhost};
use crate::liveness::Liveness;
use crate::lock::Unlocked;
use crate::other_backends;
use crate::owner::{Owner, RuleTag};
use crate::ownership::{Recorded, decide};
use crate::queue::Queue;
use crate::records::Records;
use crate::state::State;
use crate::without_state;

/// Removes everything of an attachment, even if its state file is lost.
///
/// It needs neither ports nor addresses, and can be repeated.
///
/// # Errors
///
/// The lock is held, or a change is rejected. Something may be left; a repeated call removes it.
pub async fn detach(
    owner: &Attachment,
    cleanup: &Cleanup,
    backends: &Backends,
) -> Result<(), Error> {
    let state = match State::open_existing(&cleanup.state_dir) {
        Err(error) if without_state::is_refused(&error) => {
            return without_state::detach(owner, cleanup, backends, &error).await;
        }
        state => state?,
    };
    let claims = state.as_ref().map_or(Vec::new(), |state| claims_of(state, owner).0);
    if let (Some(state), [claim]) = (&state, claims.as_slice())
        && !claim.has_any()
    {
        state.remove(owner)?; // ADD recorded that nothing was mapped
        guard::ensure(cleanup, backends).await;
        return Ok(());
    }
    if claims.is_empty()
        && HostRecord::open_existing_with(&cleanup.state_dir, state.as_ref())?.is_none()
        && backends.possible(Some(owner)).await?.is_empty()
    {
        return Ok(()); // nothing was mapped on this host
    }
    let (records, unlocked) = match open_to_change(cleanup, state.clone()) {
        Err(error)
            if claims.is_empty() && without_state::has_no_file(state.as_ref(), owner, &error) =>
        {
            return without_state::detach(owner, cleanup, backends, &error).await;
        }
        opened => opened?,
    };
    if let [claim] = claims.as_slice()
        && claim.backend != BackendKind::Iptables
    {
        for kind in backends.of_claim(claim).await? {
            backends.get(kind)?.prepare(claim).await;
        }
    }
    let _lock = unlocked.lock(cleanup.lock_timeout).await?;
    records.complete()?;
    Queue::new(&records.host).cancel(owner);
    if claims.is_empty()
        && let Some(records) = records.elsewhere(owner)?
    {
        return remove(&records, backends, owner, Some(cleanup)).await;
    }
    remove(&records, backends, owner, Some(cleanup)).await
}

/// Removes everything of an attachment if its claims still allow that once the lock is held.
/// Returns whether it was removed.
///
/// For a decision that was made without the lock: the container may have been started again since.
///
/// # Errors
///
/// As [`detach`].
pub async fn detach_if(
    owner: &Attachment,
    cleanup: &Cleanup,
    backends: &Backends,
    is_allowed: &dyn Fn(&[Claim]) -> bool,
) -> Result<bool, Error> {
    let (records, unlocked) = open_to_change(cleanup, None)?;
    let _lock = unlocked.lock(cleanup.lock_timeout).await?;
    records.complete()?;
    let (mut claims, _) = claims_of(&records.state, owner);
    if owner.may_be_abbreviated() && claims.is_empty() {
        claims.extend(records.state.find(owner)?);
    }
    if !is_allowed(&claims) {
        return Ok(false);
    }
    if !claims.is_empty() && !claims.iter().any(Claim::has_any) {
        records.state.remove(owner)?; // ADD recorded that nothing was mapped
        return Ok(true);
    }
    remove(&records, backends, owner, Some(cleanup)).await?;
    Ok(true)
}

fn open_to_change(cleanup: &Cleanup, state: Option<State>) -> Result<(Records, Unlocked), Error> {
    let records = Records::open_with(&cleanup.state_dir, state)?;
    let unlocked = Unlocked::open(&records.host)?;
    Ok((records, unlocked))
}

/// Removes everything of an attachment, under the lock. `cleanup` is the configuration, if it is
/// that of the attachment's network.
///
/// # Errors
///
/// As [`detach`].
pub async fn remove(
    records: &Records,
    backends: &Backends,
    owner: &Attachment,
    cleanup: Option<&Cleanup>,
) -> Result<(), Error> {
    let (claims, is_committed) = claims_of(&records.state, owner);
    // If a repeated ADD was killed, there may be rules of two claims. Neither of them alone says
    // where to look, so it is as if there were no state file.
    let claim = if let [claim] = claims.as_slice() { Some(claim) } else { None };
    let kinds = match claim {
        Some(claim) => backends.of_claim(claim).await?,
        None => backends.possible(Some(owner)).await?,
    };
    // route_localnet has to be disabled before the guard rules may be removed.
    localhost::release(&records.host, owner)?;
    let guard = localhost::guard(&records.host);
    let hints = Hints { had_rules: is_committed, ..hints(claim, cleanup, guard) };
    if claim.is_some() {
        records.state.reopen(owner)?;
    }
    for kind in &kinds {
        let backend = backends.get(*kind)?;
        backend.record_chains_in(chains::of(&records.host, *kind));
        backend.remove(owner, claim, &hints).await?;
    }
    if !is_committed || claims.len() > 1 {
        chains::tidy(&records.host); // after an ADD or DEL that was killed
    }
    if kinds.is_empty() {
        claims.iter().try_for_each(|claim| chains::forget(&records.host, claim))?;
    }
    for claim in &claims {
        // After the rules, or the next packet would create the flow again.
        flows::remove_own(claim)?;
    }
    if claims.len() > 1 {
        // So that the claims don't keep the host ports if this call is killed.
        records.state.reopen(owner)?;
    }
    for claim in &claims {
        promote(records, backends, claim).await;
    }
    records.remove(owner, &claims)?;
    if guard == Guard::AsRulesRequire {
        return other_backends::tidy(backends, &kinds, owner).await;
    }
    let has_looked = !kinds.is_empty() && claim.is_none_or(|claim| claim.maps_in(Family::V4));
    if !has_looked && let Err(error) = guard::restore(backends, cleanup).await {
        log::warn!("the rules that guard 127.0.0.0/8 may be missing: {error}");
    }
    Ok(())
}

/// Removes the rules that Mesos's original port mapper made for a container in a chain.
///
/// # Errors
///
/// As [`detach`].
pub async fn detach_original(
    container_id: &str,
    chain: &str,
    cleanup: &Cleanup,
    backends: &Backends,
) -> Result<(), Error> {
    let records = Records::open(&cleanup.state_dir)?;
    let _lock = Unlocked::open(&records.host)?.lock(cleanup.lock_timeout).await?;
    records.complete()?;
    // The tag of such a rule does not name network and interface.
    let owner = Attachment::new("", container_id, "");
    let guard = localhost::guard(&records.host);
    let hints = Hints { chain: Some(chain.to_owned()), guard, ..Hints::default() };
    for kind in backends.possible(Some(&owner)).await? {
        let backend = backends.get(kind)?;
        backend.record_chains_in(chains::of(&records.host, kind));
        backend.remove(&owner, None, &hints).await?;
    }
    Ok(())
}

/// Has other attachments of the container take over the host ports of a claim that was removed.
async fn promote(records: &Records, backends: &Backends, removed: &Claim) {
    let others = records.others(removed).unwrap_or_default().into_iter();
    let can_take_over = |other: &Recorded| {
        other.is_committed
            && other.liveness != Liveness::Gone
            && other.claim.is_companion_of(removed)
    };
    for other in others.filter(can_take_over) {
        let promoted = match records.of_directory(&other.state_dir) {
            Ok(records) => settle(&records, backends, &other.claim).await,
            Err(error) => Err(error),
        };
        if let Err(error) = promoted {
            log::warn!("{} does not take over: {error}", Owner::from(&other.claim.owner));
        }
    }
}

/// Applies a claim that is stored, with those of its mappings on standby whose host ports another
/// attachment of the container has. The caller holds the lock.
///
/// # Errors
///
/// A host port belongs to another container, or a change is rejected.
pub async fn settle(records: &Records, backends: &Backends, before: &Claim) -> Result<(), Error> {
    let mut others = records.others(before)?;
    others.retain(|other| !has_lost_to(other, before, &records.state));
    let decision = decide(before, others);
    if !decision.conflicts.is_empty() {
        return Err(Error::conflict(decision.conflicts));
    }
    let claim = before.clone().with_standby(&decision.standby);
    let backend = backends.get(backends.home(&claim).await)?;
    if claim == *before {
        return apply(records, backend, &claim, ExistingRules::OfClaim).await;
    }
    records.prepare(&claim, Some(before))?;
    match apply(records, backend, &claim, ExistingRules::Any).await {
        Err(error @ Error::Conflict { .. }) => {
            records.discard(&claim, Some(before))?;
            Err(error)
        }
        applied => applied.and_then(|()| records.commit(&claim, Some(before))),
    }
}

/// Reports whether another container has lost its host ports to a claim: the ADD of this one
/// succeeded later, when neither rules nor the index showed the other claim.
fn has_lost_to(other: &Recorded, claim: &Claim, state: &State) -> bool {
    let written = |directory: &Path, owner: &Attachment| {
        let file = directory.join(State::file_name(owner));
        fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
    };
    let its = written(&other.state_dir, &other.claim.owner);
    let own = written(state.path(), &claim.owner);
    !other.claim.is_companion_of(claim) && its.zip(own).is_some_and(|(its, own)| its < own)
}

/// Returns the committed claim and the prepared one, if they differ, and whether there is a
/// committed one. A damaged file is ignored, since rules can be found by their tags.
fn claims_of(state: &State, owner: &Attachment) -> (Vec<Claim>, bool) {
    let committed = state.read_committed(owner).unwrap_or_else(|error| {
        log::warn!("{error}");
        None
    });
    let prepared = state.read_prepared(owner);
    let is_committed = committed.is_some();
    let mut claims: Vec<Claim> = committed.into_iter().chain(prepared).collect();
    claims.dedup();
    (claims, is_committed)
}

fn hints(claim: Option<&Claim>, cleanup: Option<&Cleanup>, guard: Guard) -> Hints {
    let configured = cleanup.and_then(|cleanup| cleanup.chain.clone());
    Hints {
        chain: configured.or_else(|| claim.map(|claim| claim.chain.clone())),
        families: claim.map(|claim| claim.families().collect()),
        guard,
        had_rules: false,
    }
}
