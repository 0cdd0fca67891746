//! DEL's part: rules, flows and state of one owner go. Needs neither ports nor addresses, and may be repeated.

use crate::backend::{Backend, Backends, Hints};
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::error::Error;
use crate::host::{flows, localhost};
use crate::lock::Lock;
use crate::owner::Owner;
use crate::state::State;

/// Removes everything of the owner, also when its state file is lost.
///
/// # Errors
///
/// The lock is held, or the host refuses: something may be left, and the same call may be repeated.
pub async fn detach(owner: &Owner, cleanup: &Cleanup, backends: &Backends) -> Result<(), Error> {
    let known = known(owner, cleanup)?;
    if let Some((state, claim)) = &known
        && claim.mappings.is_empty()
    {
        return state.remove(owner); // ADD left word that nothing was mapped
    }
    let claim = known.map(|(_, claim)| claim);
    let kinds = match &claim {
        Some(claim) => backends.get(claim.backend).map(|_| vec![claim.backend])?,
        None => backends.possible(cleanup.backend)?,
    };
    if kinds.is_empty() {
        return Ok(()); // nobody has mapped anything where there is nothing to do it with
    }
    let state = localhost::open_state(&cleanup.state_dir)?;
    let _lock = Lock::take(&state, cleanup.lock_timeout).await?;
    // Closed before the guard may go.
    let still_open = localhost::release(&state, owner)?;
    let hints = hints(claim.as_ref(), cleanup, still_open);
    for kind in kinds {
        backends.get(kind)?.remove(owner, claim.as_ref(), &hints).await?;
    }
    if let Some(claim) = &claim {
        // After the rules, or the next packet would bring the flow back.
        flows::forget_own(claim)?;
    }
    state.remove(owner)
}

/// The owner's claim, with the directory that it is in. A damaged file is as good as none: rules bear tags.
fn known(owner: &Owner, cleanup: &Cleanup) -> Result<Option<(State, Claim)>, Error> {
    let Some(state) = State::open_existing(&cleanup.state_dir)? else { return Ok(None) };
    match state.read(owner) {
        Ok(claim) => Ok(claim.map(|claim| (state, claim))),
        Err(error) => {
            log::warn!("{error}");
            Ok(None)
        }
    }
}

fn hints(claim: Option<&Claim>, cleanup: &Cleanup, keep_guard: bool) -> Hints {
    Hints {
        chain: cleanup.chain.clone().or_else(|| claim.map(|claim| claim.chain.clone())),
        families: claim.map(|claim| claim.families().collect()),
        keep_guard,
    }
}
