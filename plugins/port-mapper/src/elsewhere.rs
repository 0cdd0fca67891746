//! Host ports that are held in another backend than the claim's: by containers that were started before the
//! configuration was changed, or by Mesos's original port mapper. They count as much as those of its own backend.

use crate::backend::{Backend, Backends, Hints, Holding};
use crate::claim::Claim;
use crate::conflict::{Conflict, Index};
use crate::error::Error;
use crate::host::localhost;
use crate::owner::{Holder, Owner};
use crate::state::State;

/// Makes sure that nobody holds the claim's host ports there. Rules of the claim's own owner, and those of holders who
/// are gone, are removed, the latter with their state.
///
/// # Errors
///
/// [`Error::Conflict`]; or rules that should go can't be removed.
pub async fn clear(
    state: &State,
    backends: &Backends,
    claim: &Claim,
    before: Option<&Claim>,
    is_stale: &dyn Fn(&Holder) -> bool,
) -> Result<(), Error> {
    if let Some(before) = before.filter(|before| before.backend != claim.backend) {
        remove(state, backends.get(before.backend)?, &claim.owner, Some(before), claim).await?;
    }
    for kind in backends.others(claim.backend, &claim.chain) {
        let backend = backends.get(kind)?;
        for owner in leftovers(backend, claim, is_stale).await? {
            remove(state, backend, &owner, None, claim).await?;
            if owner != claim.owner {
                log::info!("{owner} is gone; its host ports were taken over");
                state.remove(&owner)?;
            }
        }
    }
    Ok(())
}

async fn remove(
    state: &State,
    backend: &impl Backend,
    owner: &Owner,
    its: Option<&Claim>,
    claim: &Claim,
) -> Result<(), Error> {
    // Closed before the guard may go.
    let keep_guard = localhost::release(state, owner)?;
    let hints = Hints { chain: Some(claim.chain.clone()), families: None, keep_guard };
    backend.remove(owner, its, &hints).await
}

/// Whose rules there can go: the claim's own, and those in its way whose owner is gone.
async fn leftovers(
    backend: &impl Backend,
    claim: &Claim,
    is_stale: &dyn Fn(&Holder) -> bool,
) -> Result<Vec<Owner>, Error> {
    let (mut leftovers, mut conflicts) = (Vec::new(), Vec::new());
    for holding in backend.holdings().await? {
        match &holding.holder {
            holder if is_own(holder, claim) => leftovers.push(claim.owner.clone()),
            holder => match (in_the_way(claim, &holding), holder) {
                (None, _) => {}
                (Some(_), Holder::Attachment(owner)) if is_stale(holder) => {
                    leftovers.push(owner.clone());
                }
                (Some(conflict), _) => conflicts.push(conflict),
            },
        }
    }
    leftovers.sort_unstable();
    leftovers.dedup();
    if conflicts.is_empty() { Ok(leftovers) } else { Err(Error::Conflict(conflicts)) }
}

fn is_own(holder: &Holder, claim: &Claim) -> bool {
    match holder {
        Holder::Attachment(owner) => *owner == claim.owner,
        Holder::Original { .. } => holder.tag() == claim.owner.original_tag(),
    }
}

fn in_the_way(claim: &Claim, holding: &Holding) -> Option<Conflict> {
    let index = Index::new(&claim.mappings, holding.family);
    holding.ports.iter().find_map(|(taken, _)| {
        let mapping = index.overlap(taken)?;
        Some(Conflict { mapping, taken: *taken, holder: holding.holder.clone() })
    })
}
