//! Host ports that were mapped by a different backend from the claim's.
//!
//! Containers that were started before the configuration was changed have such ports, and so have
//! those of Mesos's original port mapper. They count as much as ports in the claim's own backend.

use cni_wrapper::Attachment;

use crate::backend::{Backend, Backends, Hints, OwnedPorts};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::conflict::{Conflict, Evidence, MappingIndex};
use crate::error::Error;
use crate::host::{chains, localhost};
use crate::owner::{Owner, RuleTag};
use crate::records::Records;

/// Ensures that no other backend maps the claim's host ports.
///
/// The claim's own rules there are removed. `before` is the attachment's claim before this ADD.
///
/// # Errors
///
/// [`Error::Conflict`] with rules of others; or rules cannot be removed.
pub async fn clear(
    records: &Records,
    backends: &Backends,
    claim: &Claim,
    before: Option<&Claim>,
) -> Result<(), Error> {
    let mut with_own = Vec::new();
    for kind in backends.others(claim.backend, &claim.chain).await {
        match has_own(backends.get(kind)?, claim).await {
            Ok(true) => with_own.push((kind, None)),
            Ok(false) => {}
            // Claims say who else has host ports there.
            Err(error) if error.is_unavailable() => {
                log::warn!("rules of containers without a record are not seen: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(before) = before.filter(|before| before.backend != claim.backend) {
        for kind in backends.of_claim(before).await? {
            // If the claim does not name its backend, the rules may be where they belong.
            if kind != claim.backend {
                with_own.retain(|(known, _)| *known != kind);
                with_own.push((kind, Some(before)));
            }
        }
    }
    if with_own.is_empty() {
        return Ok(());
    }
    // route_localnet has to be disabled before the guard rules may be removed.
    localhost::release(&records.host, &claim.owner)?;
    let guard = localhost::guard(&records.host);
    let hints = Hints { chain: Some(claim.chain.clone()), guard, ..Hints::default() };
    for (kind, its_claim) in with_own {
        let backend = backends.get(kind)?;
        backend.record_chains_in(chains::of(&records.host, kind));
        backend.remove(&claim.owner, its_claim, &hints).await?;
    }
    Ok(())
}

/// Removes what is left of the shared chains in backends other than `used`, once nothing needs
/// them.
///
/// # Errors
///
/// The host refused the change.
pub async fn tidy(
    backends: &Backends,
    used: &[BackendKind],
    owner: &Attachment,
) -> Result<(), Error> {
    for kind in backends.with_remnants(used).await {
        backends.get(kind)?.remove(owner, None, &Hints::default()).await?;
    }
    Ok(())
}

/// Reports whether this backend has rules of the claim's owner.
///
/// # Errors
///
/// [`Error::Conflict`] with those of others.
async fn has_own(backend: &impl Backend, claim: &Claim) -> Result<bool, Error> {
    let (mut has_own, mut conflicts) = (false, Vec::new());
    for owned in backend.owned_ports().await? {
        if is_own(&owned.owner, claim) {
            has_own = true;
        } else {
            conflicts.extend(conflict(claim, &owned));
        }
    }
    if conflicts.is_empty() { Ok(has_own) } else { Err(Error::conflict(conflicts)) }
}

fn is_own(owner: &Owner, claim: &Claim) -> bool {
    match owner {
        Owner::Attachment(attachment) => attachment.tag() == claim.owner.tag(),
        Owner::OriginalPlugin { .. } => owner.tag() == claim.owner.original_tag(),
    }
}

fn conflict(claim: &Claim, owned: &OwnedPorts) -> Option<Conflict> {
    let index = MappingIndex::of(claim, owned.family);
    owned.ports.iter().find_map(|(ports, _)| {
        let mapping = index.overlap(ports)?;
        let (owner, evidence) = (owned.owner.clone(), Evidence::RulesOnly);
        Some(Conflict { mapping, ports: *ports, owner, evidence })
    })
}
