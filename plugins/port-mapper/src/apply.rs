//! Applies a claim: creates or repairs its rules, and replaces owners that no longer exist.

use cni_wrapper::Attachment;

use crate::backend::{Backend, ExistingRules};
use crate::claim::Claim;
use crate::error::Error;
use crate::host::localhost;
use crate::liveness::is_live;
use crate::owner::Owner;
use crate::state::State;

/// Makes the rules of an attachment those of its claim. The caller holds the lock.
///
/// Existing rules that are right are kept, so applying a claim again repairs it.
///
/// # Errors
///
/// A host port belongs to another live container, or a change is rejected.
pub async fn apply(
    state: &State,
    backend: &impl Backend,
    claim: &Claim,
    existing: ExistingRules,
) -> Result<(), Error> {
    let installed = backend.install(claim, existing, &|owner| is_stale(state, owner)).await?;
    for owner in &installed.replaced {
        if let Owner::Attachment(attachment) = owner {
            let attachment = state.whole(attachment)?;
            localhost::release(state, &attachment)?;
            forget_replaced(state, &attachment)?;
        }
    }
    if claim.serves_localhost() {
        // The guard rules exist by now.
        localhost::enable(state, claim)?;
    }
    Ok(())
}

/// Reports whether the owner of a rule is proven to no longer exist, so that its host ports can be
/// taken over.
///
/// Rules without a state file, such as those of the original, may belong to a live container.
pub fn is_stale(state: &State, owner: &Owner) -> bool {
    match owner {
        Owner::Attachment(attachment) => {
            matches!(state.find(attachment), Ok(Some(claim)) if !is_live(&claim))
        }
        Owner::OriginalPlugin { .. } => false,
    }
}

/// Removes the state of an owner whose rules have been replaced.
///
/// # Errors
///
/// A state file cannot be removed.
pub fn forget_replaced(state: &State, attachment: &Attachment) -> Result<(), Error> {
    log::info!("{} no longer exists; its host ports were taken over", Owner::from(attachment));
    state.remove(attachment)
}
