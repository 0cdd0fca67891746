//! ADD: maps the host ports of an attachment.

use cni_wrapper::{AddResult, Call};

use crate::backend::Backends;
use crate::claim::Claim;
use crate::config::Settings;
use crate::detach::detach;
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::guard;
use crate::host::{flows, hairpin, localhost, other_users};
use crate::install::install;
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
    claim.namespace = call.namespace().cloned();
    warn_of_families(settings, &claim);
    let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
    let state = State::open_existing(&settings.state_dir).map_err(Unchanged)?;
    if let Some(state) = &state {
        detach_if_unclear(settings, state, &claim, &backends).await?;
    }
    if claim.mappings.is_empty() {
        store_unmapped(settings, &claim);
        guard::ensure(&settings.into(), &backends).await;
        return Ok(());
    }
    claim.backend = backends.kind(settings.backend).await;
    localhost::decide(&mut claim).map_err(Unchanged)?;
    let (installed, backends) = install_or_wait(settings, claim, backends, state).await?;
    other_users::warn(&installed, &backends);
    // The rest concerns this container alone, so it does not need the lock.
    let interfaces: Vec<String> =
        result.host_interfaces().into_iter().map(|link| link.name).collect();
    hairpin::enable(&installed, &interfaces)?;
    Ok(flows::remove_stale(&installed)?)
}

/// Warns of what is mapped in one family only.
fn warn_of_families(settings: &Settings, claim: &Claim) {
    for mapping in settings.mappings.iter().filter(|mapping| !claim.mappings.contains(mapping)) {
        log::warn!("{mapping}: the container has no such address; only the other family is mapped");
    }
    if let Some(key) = claim.conditions.key() {
        for family in claim.families().filter(|family| claim.conditions.of(*family).is_empty()) {
            log::warn!("{key} does not apply to {family}, over which every client is let in");
        }
    }
}

/// Installs the rules once no other container has one of the host ports. Returns the claim as it
/// was stored, and the backends that were used last. `state` is the state directory, if it existed
/// when it was looked for.
async fn install_or_wait(
    settings: &Settings,
    claim: Claim,
    mut backends: Backends,
    mut state: Option<State>,
) -> Result<(Claim, Backends), AttachError> {
    let mut wait = Wait::new(settings.conflict_timeout);
    loop {
        // After a wait the directory is opened again: it may have been replaced.
        match install(settings, state.take(), &claim, &backends, &mut wait).await {
            Err(Unchanged(Error::Conflict { conflicts, .. })) => {
                // Programs that were started ahead of time don't outlast a wait.
                backends = backends.reopened();
                wait.for_change(settings, &claim, conflicts).await?;
            }
            installed => return Ok((installed?, backends)),
        }
    }
}

/// Removes what an earlier ADD of the attachment left, if it is unknown which rules it has or if it
/// has nothing to map any more.
async fn detach_if_unclear(
    settings: &Settings,
    state: &State,
    claim: &Claim,
    backends: &Backends,
) -> Result<(), AttachError> {
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
