//! `gc`: removes the mappings of containers that no longer exist.

use cni_wrapper::{Attachment, Environment};
use serde_json::{Value, json};

use super::inventory::{Inventory, owner_json};
use super::{Options, Report};
use crate::backend::{Backends, OwnedPorts};
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::detach::{detach, detach_original};
use crate::error::Error;
use crate::liveness::Liveness;
use crate::owner::Owner;

/// Removes the mappings of containers that are proven to be gone, and those that `--force` names
/// although that can't be proven. Continues after an error.
pub(super) async fn gc(options: &Options) -> Result<Report, Error> {
    let Inventory { claims, prepared, unrecorded, errors } = Inventory::read(options).await?;
    let mut collection = Collection::new(options);
    collection.errors = errors.iter().map(Error::to_string).collect();
    for (claim, liveness) in claims.iter().chain(&prepared) {
        collection.claim(claim, *liveness).await;
    }
    for owned in &unrecorded {
        collection.unrecorded(owned).await;
    }
    collection.refuse_unknown_name();
    Ok(collection.report())
}

struct Collection<'a> {
    force: Option<&'a str>,
    cleanup: Cleanup,
    backends: Backends,
    removed: Vec<Owner>,
    /// The owners that may be gone, and why that is unclear.
    kept: Vec<(Owner, &'static str)>,
    errors: Vec<String>,
    has_found_forced: bool,
}

impl<'a> Collection<'a> {
    fn new(options: &'a Options) -> Self {
        let cleanup = Cleanup {
            chain: None,
            backend: None,
            state_dir: options.state_dir.clone(),
            lock_timeout: options.lock_timeout,
        };
        let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
        Self {
            force: options.force.as_deref(),
            cleanup,
            backends,
            removed: Vec::new(),
            kept: Vec::new(),
            errors: Vec::new(),
            has_found_forced: false,
        }
    }

    async fn claim(&mut self, claim: &Claim, liveness: Liveness) {
        let owner = Owner::from(&claim.owner);
        let is_forced = self.is_forced(&owner);
        match liveness {
            Liveness::Gone => self.remove(&claim.owner).await,
            Liveness::Unseen if is_forced => self.remove(&claim.owner).await,
            Liveness::Unseen => {
                self.keep(owner, "its network namespace can't be seen from here");
            }
            Liveness::Alive if is_forced => {
                self.errors.push(format!("{owner} still exists; stop it first"));
            }
            Liveness::Alive => {}
        }
    }

    async fn unrecorded(&mut self, owned: &OwnedPorts) {
        if !self.is_forced(&owned.owner) {
            return self.keep(owned.owner.clone(), "there are rules of it, but no record");
        }
        match &owned.owner {
            Owner::Attachment(attachment) => self.remove(attachment).await,
            Owner::OriginalPlugin { container_id } => {
                let (cleanup, backends) = (&self.cleanup, &self.backends);
                let outcome = detach_original(container_id, &owned.chain, cleanup, backends).await;
                self.note(owned.owner.clone(), outcome);
            }
        }
    }

    fn is_forced(&mut self, owner: &Owner) -> bool {
        let is_forced = self.force == Some(owner.container_id());
        self.has_found_forced |= is_forced;
        is_forced
    }

    fn keep(&mut self, owner: Owner, why: &'static str) {
        if !self.kept.iter().any(|(kept, _)| *kept == owner) {
            self.kept.push((owner, why));
        }
    }

    async fn remove(&mut self, attachment: &Attachment) {
        let outcome = detach(attachment, &self.cleanup, &self.backends).await;
        self.note(Owner::from(attachment), outcome);
    }

    fn note(&mut self, owner: Owner, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) if self.removed.contains(&owner) => {}
            Ok(()) => self.removed.push(owner),
            Err(error) => self.errors.push(format!("{owner}: {error}")),
        }
    }

    fn refuse_unknown_name(&mut self) {
        if let Some(name) = self.force.filter(|_| !self.has_found_forced) {
            self.errors.push(format!("no container {name:?} has mappings; see `list`"));
        }
    }

    fn report(self) -> Report {
        let Self { removed, kept, errors, .. } = self;
        let mut text: String = removed.iter().map(|owner| format!("removed {owner}\n")).collect();
        text.extend(kept.iter().map(|(owner, why)| {
            let id = owner.container_id();
            format!("kept {owner}: {why}; if it no longer exists, run `gc --force {id}`\n")
        }));
        text.extend(errors.iter().map(|error| format!("not removed: {error}\n")));
        if text.is_empty() {
            text.push_str("nothing to remove\n");
        }
        let removed: Vec<Value> = removed.iter().map(owner_json).collect();
        let kept: Vec<Value> = kept
            .iter()
            .map(|(owner, why)| json!({"owner": owner_json(owner), "reason": why}))
            .collect();
        let success = errors.is_empty();
        Report { text, json: json!({"removed": removed, "kept": kept, "errors": errors}), success }
    }
}
