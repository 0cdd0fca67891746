//! `gc`: removes the mappings of containers that no longer exist.

use std::path::Path;

use cni_wrapper::{Attachment, Environment};
use serde_json::{Value, json};

use super::explain::command_lines::Shown;
use super::failure::{self, Failure};
use super::inventory::{Inventory, owner_json};
use super::{Options, Report};
use crate::backend::{Backends, OwnedPorts};
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::detach::{detach_if, detach_original};
use crate::error::Error;
use crate::liveness::Liveness;
use crate::owner::Owner;
use crate::ownership::Recorded;
use crate::program::quoted;
use crate::unknown_claims;

/// Removes the mappings of containers that are proven to be gone, and those that `--force` names
/// although that can't be proven. Continues after an error.
pub(super) async fn gc(options: &Options) -> Result<Report, Error> {
    unknown_claims::enter(&options.state_dir, options.lock_timeout).await?;
    let Inventory { claims, unrecorded, errors, .. } = Inventory::read(options).await?;
    let mut collection = Collection::new(options);
    collection.errors = errors.iter().map(Failure::from).collect();
    for recorded in &claims {
        collection.claim(recorded, &claims).await;
    }
    for owned in &unrecorded {
        collection.unrecorded(owned).await;
    }
    collection.refuse_unknown_name();
    Ok(collection.report())
}

/// Decides whether an attachment may be removed, by its claims.
type IsAllowed<'a> = &'a dyn Fn(&[Claim]) -> bool;

fn is_gone(claim: &Claim) -> bool {
    claim.liveness() == Liveness::Gone
}

/// Reports whether a claim was listed as one that can't be seen, and still can't be.
fn is_unseen_still(claim: &Claim, listed: &[Recorded]) -> bool {
    claim.liveness() == Liveness::Unseen && listed.iter().any(|one| one.claim == *claim)
}

/// Without any claim, another call has removed the attachment since.
fn are_gone(claims: &[Claim]) -> bool {
    !claims.is_empty() && claims.iter().all(is_gone)
}

struct Collection<'a> {
    force: Option<&'a str>,
    cleanup: Cleanup,
    backends: Backends,
    removed: Vec<Owner>,
    /// The owners that may be gone, and why that is unclear.
    kept: Vec<(Owner, &'static str)>,
    errors: Vec<Failure>,
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

    /// Removes or keeps the attachment of a claim; `listed` are all claims.
    async fn claim(&mut self, recorded: &Recorded, listed: &[Recorded]) {
        let Recorded { claim, liveness, state_dir, .. } = recorded;
        let owner = Owner::from(&claim.owner);
        let is_forced = self.is_forced(&owner);
        match liveness {
            Liveness::Gone => {
                self.remove(&claim.owner, state_dir, &are_gone).await;
            }
            Liveness::Unseen if is_forced => {
                let is_allowed = |claims: &[Claim]| {
                    claims.iter().all(|claim| is_gone(claim) || is_unseen_still(claim, listed))
                };
                self.remove_forced(&claim.owner, state_dir, &is_allowed).await;
            }
            Liveness::Unseen => {
                self.keep(owner, "its network namespace can't be seen from here");
            }
            Liveness::Alive if is_forced => {
                let why = "it still exists; stop it first";
                self.errors.push(Failure::new(failure::USAGE, why).of(owner));
            }
            Liveness::Alive => {}
        }
    }

    async fn unrecorded(&mut self, owned: &OwnedPorts) {
        if !self.is_forced(&owned.owner) {
            return self.keep(
                owned.owner.clone(),
                "there are rules of it, but no record, unless its network has another --state-dir",
            );
        }
        match &owned.owner {
            Owner::Attachment(attachment) => {
                let state_dir = self.cleanup.state_dir.clone();
                self.remove_forced(attachment, &state_dir, &<[Claim]>::is_empty).await;
            }
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

    /// Removes an attachment if its claims still allow that once the lock is held. Returns whether
    /// they do, or did and it could not be removed.
    async fn remove(
        &mut self,
        owner: &Attachment,
        state_dir: &Path,
        is_allowed: IsAllowed<'_>,
    ) -> bool {
        let cleanup = Cleanup { state_dir: state_dir.to_owned(), ..self.cleanup.clone() };
        match detach_if(owner, &cleanup, &self.backends, is_allowed).await {
            Ok(false) => return false,
            outcome => self.note(Owner::from(owner), outcome.map(drop)),
        }
        true
    }

    async fn remove_forced(
        &mut self,
        owner: &Attachment,
        state_dir: &Path,
        is_allowed: IsAllowed<'_>,
    ) {
        if !self.remove(owner, state_dir, is_allowed).await {
            let why = "it has changed since it was listed; see `list`";
            self.errors.push(Failure::new(failure::TRY_AGAIN, why).of(Owner::from(owner)));
        }
    }

    fn note(&mut self, owner: Owner, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) if self.removed.contains(&owner) => {}
            Ok(()) => self.removed.push(owner),
            Err(error) => self.errors.push(Failure::from(&error).of(owner)),
        }
    }

    fn refuse_unknown_name(&mut self) {
        if let Some(name) = self.force.filter(|_| !self.has_found_forced) {
            let why = format!("no container {name:?} has mappings; see `list`");
            self.errors.push(Failure::new(failure::UNKNOWN_CONTAINER, why));
        }
    }

    fn report(self) -> Report {
        let shown = Shown::new(&self.cleanup.state_dir);
        let Self { removed, kept, errors, .. } = self;
        let mut text: String = removed.iter().map(|owner| format!("removed {owner}\n")).collect();
        text.extend(kept.iter().map(|(owner, why)| {
            let id = quoted(owner.container_id());
            let command = shown.command(&format!("mesos-cni-port-mapper gc --force {id}"));
            format!("kept {owner}: {why}; if it no longer exists, run `{command}`\n")
        }));
        text.extend(errors.iter().map(|error| format!("not removed: {}\n", error.text())));
        if text.is_empty() {
            text.push_str("nothing to remove\n");
        }
        let removed: Vec<Value> = removed.iter().map(owner_json).collect();
        let kept: Vec<Value> = kept
            .iter()
            .map(|(owner, why)| json!({"owner": owner_json(owner), "reason": why}))
            .collect();
        let success = errors.is_empty();
        let errors: Vec<Value> = errors.iter().map(Failure::json).collect();
        Report { text, json: json!({"removed": removed, "kept": kept, "errors": errors}), success }
    }
}
