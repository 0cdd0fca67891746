//! Applies a claim: creates or repairs its rules and what they need.

use crate::backend::{Backend, ExistingRules, Guard, Hints};
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::host::{chains, localhost};
use crate::records::Records;

/// Makes the rules of an attachment those of its claim. The caller holds the lock.
///
/// Existing rules that are right are kept, so applying a claim again repairs it.
///
/// # Errors
///
/// Rules of another owner have a host port of the claim, or a change is rejected.
pub async fn apply(
    records: &Records,
    backend: &impl Backend,
    claim: &Claim,
    existing: ExistingRules,
) -> Result<(), Error> {
    let guard = localhost::guard(&records.host);
    backend.record_chains_in(chains::of(&records.host, claim.backend));
    if !claim.mappings.is_empty() {
        backend.install(claim, existing, guard).await?;
    } else if existing == ExistingRules::Any {
        let hints = Hints { chain: Some(claim.chain.clone()), guard, ..Hints::default() };
        backend.remove(&claim.owner, None, &hints).await?;
    }
    if guard == Guard::Needed && !claim.maps_in(Family::V4) {
        // Its rules need none, so the backend has not looked for it.
        backend.ensure_guard().await?;
    }
    if claim.serves_localhost() {
        // The guard rules exist by now.
        localhost::enable(&records.host, claim)?;
    }
    Ok(())
}
