//! ADD: maps the host ports of an attachment.

use cni_wrapper::{AddResult, Attachment, Call};

use crate::apply::{apply, is_stale};
use crate::backend::{Backend, Backends, ExistingRules};
use crate::claim::Claim;
use crate::config::Settings;
use crate::detach::detach;
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::host::{flows, hairpin, localhost};
use crate::lock::Unlocked;
use crate::other_backends;
use crate::state::State;

/// Maps the host ports, in an order that a DEL can clean up after at any point.
///
/// # Errors
///
/// [`Unchanged`]: the claim cannot work, or the lock is held. [`AttachError::Changed`]: a host port
/// belongs to another container, or a change is rejected.
pub async fn attach(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
) -> Result<(), AttachError> {
    let mut claim = Claim::of_call(call, settings, result).map_err(Unchanged)?;
    let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
    if is_prepared(settings, &claim.owner).map_err(Unchanged)? {
        // An ADD or DEL of the attachment was killed. Its rules may differ from those of this
        // claim, and the state has room for one prepared claim only.
        detach(&claim.owner, &settings.into(), &backends).await?;
    }
    if claim.mappings.is_empty() {
        return Ok(attach_without_mappings(settings, &claim, &backends).await?);
    }
    claim.backend = backends.kind(settings.backend);
    localhost::decide(&mut claim).map_err(Unchanged)?;
    install(settings, &claim, &backends).await?;
    // The rest concerns this container alone, so it does not need the lock.
    let interfaces: Vec<String> =
        result.host_interfaces().into_iter().map(|link| link.name).collect();
    hairpin::enable(&claim, &interfaces)?;
    Ok(flows::remove_stale(&claim)?)
}

/// Reports whether an ADD or DEL of the attachment was killed, and no DEL has completed since.
fn is_prepared(settings: &Settings, owner: &Attachment) -> Result<bool, Error> {
    let state = State::open_existing(&settings.state_dir)?;
    Ok(state.is_some_and(|state| state.read_prepared(owner).is_some()))
}

/// Records that nothing is mapped, so that DEL can skip listing rules.
async fn attach_without_mappings(
    settings: &Settings,
    claim: &Claim,
    backends: &Backends,
) -> Result<(), Error> {
    let before = State::open_existing(&settings.state_dir)
        .and_then(|state| state.map_or(Ok(None), |state| state.read(&claim.owner)));
    if matches!(&before, Ok(Some(before)) if !before.mappings.is_empty()) {
        detach(&claim.owner, &settings.into(), backends).await?;
    }
    let written = localhost::open_state(&settings.state_dir).and_then(|state| state.write(claim));
    if let Err(error) = written {
        log::warn!("DEL will have to list the rules of all containers: {error}");
    }
    Ok(())
}

/// Installs the rules of the claim, under the lock.
async fn install(
    settings: &Settings,
    claim: &Claim,
    backends: &Backends,
) -> Result<(), AttachError> {
    let backend = backends.get(claim.backend).map_err(Unchanged)?;
    backend.can_map(claim).map_err(Unchanged)?;
    let opened = localhost::open_or_create_state(&settings.state_dir);
    let (state, is_new) = opened.map_err(Unchanged)?;
    let unlocked = Unlocked::open(&state).map_err(Unchanged)?;
    backend.prepare(claim).await;
    let _lock = unlocked.lock(settings.lock_timeout).await.map_err(Unchanged)?;
    // In a new directory, the absence of a claim proves nothing.
    let before = if is_new { Err(()) } else { state.read(&claim.owner).map_err(drop) };
    let known = before.as_ref().ok().and_then(Option::as_ref);
    let stale = |owner: &_| is_stale(&state, owner);
    other_backends::clear(&state, backends, claim, known, &stale).await?;
    // The claim is stored first: without it, a DEL would have to search for the rules.
    state.prepare(claim)?;
    apply(&state, backend, claim, existing_rules(before)).await?;
    Ok(state.commit(&claim.owner)?)
}

/// Returns what rules the attachment may have, judged by its claim before this ADD.
fn existing_rules(before: Result<Option<Claim>, ()>) -> ExistingRules {
    let is_unmapped = |before: Option<Claim>| before.is_none_or(|claim| claim.mappings.is_empty());
    if before.is_ok_and(is_unmapped) { ExistingRules::OfClaim } else { ExistingRules::Any }
}
