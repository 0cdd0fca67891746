//! DEL: removes the rules, flows and state of an attachment.

use cni_wrapper::Attachment;

use crate::backend::{Backend, Backends, Hints, has_no_rules};
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::error::Error;
use crate::host::{flows, localhost};
use crate::lock::Unlocked;
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
    let Known { state, claims } = match Known::of(owner, cleanup) {
        Err(error) if without_state::is_refused(&error) => {
            return without_state::detach(owner, cleanup, backends, &error).await;
        }
        known => known?,
    };
    if let (Some(state), [claim]) = (&state, claims.as_slice())
        && claim.mappings.is_empty()
    {
        return state.remove(owner); // ADD recorded that nothing was mapped
    }
    // If a repeated ADD was killed, there may be rules of two claims. Neither of them alone says
    // where to look, so it is as if there were no state file.
    let claim = if let [claim] = claims.as_slice() { Some(claim) } else { None };
    let kinds = match claim {
        Some(claim) => match backends.get(claim.backend) {
            // Its programs were removed, and so were the rules.
            Err(error) if error.is_unavailable() && has_no_rules(claim) => Vec::new(),
            backend => backend.map(|_| vec![claim.backend])?,
        },
        None => backends.possible(cleanup.backend)?,
    };
    if kinds.is_empty() && state.is_none() {
        return Ok(()); // without any backend nothing can have been mapped
    }
    let (state, unlocked) = match open_to_change(cleanup) {
        Err(error)
            if claims.is_empty() && without_state::has_no_file(state.as_ref(), owner, &error) =>
        {
            return without_state::detach(owner, cleanup, backends, &error).await;
        }
        opened => opened?,
    };
    if let (Some(claim), [kind]) = (claim, kinds.as_slice()) {
        backends.get(*kind)?.prepare(claim).await;
    }
    let _lock = unlocked.lock(cleanup.lock_timeout).await?;
    // route_localnet has to be disabled before the guard rules may be removed.
    let still_enabled = localhost::release(&state, owner)?;
    let hints = hints(claim, cleanup, still_enabled);
    if claim.is_some() {
        state.reopen(owner)?;
    }
    for kind in kinds {
        backends.get(kind)?.remove(owner, claim, &hints).await?;
    }
    for claim in &claims {
        // After the rules, or the next packet would create the flow again.
        flows::remove_own(claim)?;
    }
    state.remove(owner)
}

fn open_to_change(cleanup: &Cleanup) -> Result<(State, Unlocked), Error> {
    let state = localhost::open_state(&cleanup.state_dir)?;
    let unlocked = Unlocked::open(&state)?;
    Ok((state, unlocked))
}

/// What the state says about an attachment.
struct Known {
    /// The state directory, if it exists.
    state: Option<State>,
    /// The committed claim and the prepared one, if they differ.
    claims: Vec<Claim>,
}

impl Known {
    /// Reads the state. A damaged file is ignored, since rules can be found by their tags.
    fn of(owner: &Attachment, cleanup: &Cleanup) -> Result<Self, Error> {
        let state = State::open_existing(&cleanup.state_dir)?;
        let Some(existing) = &state else { return Ok(Self { state, claims: Vec::new() }) };
        let committed = existing.read_committed(owner).unwrap_or_else(|error| {
            log::warn!("{error}");
            None
        });
        let prepared = existing.read_prepared(owner);
        let mut claims: Vec<Claim> = committed.into_iter().chain(prepared).collect();
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
