//! `restore`: recreates the rules of all live containers, after a firewall reload.
//!
//! Prepared claims are left to the ADD or DEL that is running, or to the DEL after one that was
//! killed.

use cni_wrapper::Environment;
use serde_json::json;

use super::list::claims;
use super::{Options, Report};
use crate::apply::apply;
use crate::backend::{Backends, ExistingRules};
use crate::claim::Claim;
use crate::error::Error;
use crate::host::flows;
use crate::host::localhost::open_state;
use crate::liveness::is_live;
use crate::lock::Unlocked;
use crate::owner::Owner;

/// Applies all committed claims. Rules that are right are kept. Continues after an error.
pub(super) async fn restore(options: &Options) -> Result<Report, Error> {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let (mut restored, mut errors) = (Vec::new(), Vec::new());
    for claim in claims(options)? {
        let claim = match claim {
            Ok(claim) if claim.mappings.is_empty() || !is_live(&claim) => continue,
            Ok(claim) => claim,
            Err(error) => {
                errors.push(error.to_string());
                continue;
            }
        };
        match restore_claim(options, &backends, &claim).await {
            Ok(()) => restored.push(claim.owner),
            Err(error) => errors.push(format!("{}: {error}", Owner::from(&claim.owner))),
        }
    }
    let mut text: String =
        restored.iter().map(|owner| format!("restored {}\n", Owner::from(owner))).collect();
    text.extend(errors.iter().map(|error| format!("not restored: {error}\n")));
    if text.is_empty() {
        text.push_str("nothing to restore\n");
    }
    let json = json!({"restored": restored, "errors": errors});
    Ok(Report { text, json, success: errors.is_empty() })
}

/// Applies one claim. The lock is taken for each claim separately, so that a long restore does not
/// delay containers that start meanwhile.
async fn restore_claim(options: &Options, backends: &Backends, claim: &Claim) -> Result<(), Error> {
    let backend = backends.get(backends.home(claim).await)?;
    let state = open_state(&options.state_dir)?;
    let lock = Unlocked::open(&state)?.lock(options.lock_timeout).await?;
    // The container may have been deleted since the list was read.
    let Some(claim) = state.read_committed(&claim.owner)? else { return Ok(()) };
    apply(&state, backend, &claim, ExistingRules::OfClaim).await?;
    drop(lock);
    flows::remove_stale(&claim)
}
