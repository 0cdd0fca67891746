//! `restore`: recreates the rules of all live containers, after a firewall reload.
//!
//! Prepared claims are left to the ADD or DEL that is running, or to the DEL after one that was
//! killed.

use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::failure::Failure;
use super::inventory::Inventory;
use super::{Options, Report};
use crate::backend::Backends;
use crate::detach::settle;
use crate::error::Error;
use crate::host::flows;
use crate::liveness::Liveness;
use crate::lock::Unlocked;
use crate::owner::Owner;
use crate::ownership::Recorded;
use crate::records::Records;
use crate::unknown_claims;

/// Applies the committed claims of all state directories, except those of containers that are
/// proven to be gone. Rules that are right are kept. Continues after an error.
pub(super) async fn restore(options: &Options) -> Result<Report, Error> {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    unknown_claims::enter(&options.state_dir, options.lock_timeout).await?;
    let Inventory { claims, errors, .. } = Inventory::of_claims(options)?;
    let mut errors: Vec<Failure> = errors.iter().map(Failure::from).collect();
    let mut restored = Vec::new();
    let needs_rules = |recorded: &Recorded| {
        recorded.is_committed && recorded.claim.has_any() && recorded.liveness != Liveness::Gone
    };
    for recorded in claims.into_iter().filter(needs_rules) {
        match restore_claim(options, &backends, &recorded).await {
            Ok(()) => restored.push(recorded.claim.owner),
            Err(error) => {
                errors.push(Failure::from(&error).of(Owner::from(&recorded.claim.owner)));
            }
        }
    }
    let mut text: String =
        restored.iter().map(|owner| format!("restored {}\n", Owner::from(owner))).collect();
    text.extend(errors.iter().map(|error| format!("not restored: {}\n", error.text())));
    if text.is_empty() {
        text.push_str("nothing to restore\n");
    }
    let success = errors.is_empty();
    let errors: Vec<Value> = errors.iter().map(Failure::json).collect();
    Ok(Report { text, json: json!({"restored": restored, "errors": errors}), success })
}

/// Applies one claim. The lock is taken for each claim separately, so that a long restore does not
/// delay containers that start in the meantime.
async fn restore_claim(
    options: &Options,
    backends: &Backends,
    recorded: &Recorded,
) -> Result<(), Error> {
    let records = Records::open(&recorded.state_dir)?;
    let lock = Unlocked::open(&records.host)?.lock(options.lock_timeout).await?;
    records.complete()?;
    // The container may have been deleted since the list was read.
    let Some(claim) = records.state.read_committed(&recorded.claim.owner)? else { return Ok(()) };
    settle(&records, backends, &claim).await?;
    drop(lock);
    flows::remove_stale(&claim)
}
