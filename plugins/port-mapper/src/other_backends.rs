//! Host ports that were mapped by a different backend from the claim's.
//!
//! Containers that were started before the configuration was changed have such ports, and so have
//! those of Mesos's original port mapper. They count as much as ports in the claim's own backend.

use cni_wrapper::Attachment;

use crate::apply::forget_replaced;
use crate::backend::{Backend, Backends, Hints, OwnedPorts};
use crate::claim::Claim;
use crate::conflict::{Conflict, MappingIndex};
use crate::error::Error;
use crate::host::localhost;
use crate::owner::{Owner, RuleTag};
use crate::state::State;

/// Ensures that no other backend maps the claim's host ports.
///
/// The claim's own rules there are removed, and so are those of owners that no longer exist,
/// together with their state. `before` is the attachment's claim before this ADD.
///
/// # Errors
///
/// [`Error::Conflict`]; or rules cannot be removed.
pub async fn clear(
    state: &State,
    backends: &Backends,
    claim: &Claim,
    before: Option<&Claim>,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<(), Error> {
    if let Some(before) = before.filter(|before| before.backend != claim.backend) {
        for kind in backends.of_claim(before).await? {
            // If the claim does not name its backend, the rules may be where they belong.
            if kind != claim.backend {
                remove(state, backends.get(kind)?, &claim.owner, Some(before), claim).await?;
            }
        }
    }
    for kind in backends.others(claim.backend, &claim.chain).await {
        let backend = backends.get(kind)?;
        for owner in removable(backend, claim, is_stale).await? {
            remove(state, backend, &owner, None, claim).await?;
            if owner != claim.owner {
                forget_replaced(state, &owner)?;
            }
        }
    }
    Ok(())
}

async fn remove(
    state: &State,
    backend: &impl Backend,
    owner: &Attachment,
    its_claim: Option<&Claim>,
    claim: &Claim,
) -> Result<(), Error> {
    // route_localnet has to be disabled before the guard rules may be removed.
    let keep_guard = localhost::release(state, owner)?;
    let hints = Hints { chain: Some(claim.chain.clone()), families: None, keep_guard };
    backend.remove(owner, its_claim, &hints).await
}

/// Returns the owners whose rules in this backend can be removed: the claim's own, and those that
/// no longer exist and conflict with the claim.
async fn removable(
    backend: &impl Backend,
    claim: &Claim,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<Vec<Attachment>, Error> {
    let (mut removable, mut conflicts) = (Vec::new(), Vec::new());
    for owned in backend.owned_ports().await? {
        if is_own(&owned.owner, claim) {
            removable.push(claim.owner.clone());
        } else if let Some(conflict) = conflict(claim, &owned) {
            match &owned.owner {
                Owner::Attachment(owner) if is_stale(&owned.owner) => {
                    removable.push(owner.clone());
                }
                _ => conflicts.push(conflict),
            }
        }
    }
    removable.sort_unstable();
    removable.dedup();
    if conflicts.is_empty() { Ok(removable) } else { Err(Error::Conflict(conflicts)) }
}

fn is_own(owner: &Owner, claim: &Claim) -> bool {
    match owner {
        Owner::Attachment(attachment) => attachment.tag() == claim.owner.tag(),
        Owner::OriginalPlugin { .. } => owner.tag() == claim.owner.original_tag(),
    }
}

fn conflict(claim: &Claim, owned: &OwnedPorts) -> Option<Conflict> {
    let index = MappingIndex::new(&claim.mappings, owned.family);
    owned.ports.iter().find_map(|(ports, _)| {
        let mapping = index.overlap(ports)?;
        Some(Conflict { mapping, ports: *ports, owner: owned.owner.clone() })
    })
}
