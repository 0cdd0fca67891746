//! DEL's part: rules, flows and state of one owner go. Needs neither ports nor addresses, and may be repeated.

use crate::backend::{Backend, Backends, Hints};
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::error::Error;
use crate::host::{flows, localhost};
use crate::lock::Unlocked;
use crate::owner::Owner;
use crate::state::State;

/// Removes everything of the owner, also when its state file is lost.
///
/// # Errors
///
/// The lock is held, or the host refuses: something may be left, and the same call may be repeated.
pub async fn detach(owner: &Owner, cleanup: &Cleanup, backends: &Backends) -> Result<(), Error> {
    let Known { state, claims } = Known::of(owner, cleanup)?;
    if let (Some(state), [claim]) = (&state, claims.as_slice())
        && claim.mappings.is_empty()
    {
        return state.remove(owner); // ADD left word that nothing was mapped
    }
    // Where an ADD was repeated and killed there may be something of both: as little is known as without a file.
    let claim = if let [claim] = claims.as_slice() { Some(claim) } else { None };
    let kinds = match claim {
        Some(claim) => backends.get(claim.backend).map(|_| vec![claim.backend])?,
        None => backends.possible(cleanup.backend)?,
    };
    if kinds.is_empty() {
        return Ok(()); // nobody has mapped anything where there is nothing to do it with
    }
    let state = localhost::open_state(&cleanup.state_dir)?;
    let unlocked = Unlocked::open(&state)?;
    if let Some(claim) = claim {
        backends.get(claim.backend)?.prepare(claim).await;
    }
    let _lock = unlocked.lock(cleanup.lock_timeout).await?;
    // Closed before the guard may go.
    let still_open = localhost::release(&state, owner)?;
    let hints = hints(claim, cleanup, still_open);
    if claim.is_some() {
        state.unsettle(owner)?;
    }
    for kind in kinds {
        backends.get(kind)?.remove(owner, claim, &hints).await?;
    }
    for claim in &claims {
        // After the rules, or the next packet would bring the flow back.
        flows::forget_own(claim)?;
    }
    state.remove(owner)
}

/// What the files tell of an owner, and the directory that they are in.
struct Known {
    state: Option<State>,
    /// What is settled and what an ADD has begun, where that is not the same.
    claims: Vec<Claim>,
}

impl Known {
    /// A damaged file is as good as none: rules bear tags.
    fn of(owner: &Owner, cleanup: &Cleanup) -> Result<Self, Error> {
        let state = State::open_existing(&cleanup.state_dir)?;
        let Some(there) = &state else { return Ok(Self { state, claims: Vec::new() }) };
        let settled = there.read_settled(owner).unwrap_or_else(|error| {
            log::warn!("{error}");
            None
        });
        let mut claims: Vec<Claim> = settled.into_iter().chain(there.read_begun(owner)).collect();
        claims.dedup();
        Ok(Self { state, claims })
    }
}

fn hints(claim: Option<&Claim>, cleanup: &Cleanup, keep_guard: bool) -> Hints {
    Hints {
        chain: cleanup.chain.clone().or_else(|| claim.map(|claim| claim.chain.clone())),
        families: claim.map(|claim| claim.families().collect()),
        keep_guard,
    }
}
