//! `restore`: recreates the rules of all live containers, after a firewall reload.
//!
//! Prepared claims are left to the ADD or DEL that is running, or to the DEL after one that was
//! killed.

use cni_wrapper::Environment;
use serde_json::json;

use super::{Options, Report};
use crate::backend::Backends;
use crate::claim::Claim;
use crate::detach::settle;
use crate::error::Error;
use crate::host::flows;
use crate::liveness::Liveness;
use crate::lock::Unlocked;
use crate::owner::Owner;
use crate::records::Records;
use crate::state::State;

/// Applies all committed claims, except those of containers that are proven to be gone. Rules that
/// are right are kept. Continues after an error.
pub(super) async fn restore(options: &Options) -> Result<Report, Error> {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let (mut restored, mut errors) = (Vec::new(), Vec::new());
    let state = State::open_existing(&options.state_dir)?;
    for claim in state.map_or(Ok(Vec::new()), |state| state.list())? {
        let claim = match claim {
            Ok(claim) if !claim.has_any() || Liveness::of(&claim) == Liveness::Gone => continue,
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
    let records = Records::open(&options.state_dir)?;
    let lock = Unlocked::open(&records.host)?.lock(options.lock_timeout).await?;
    records.complete()?;
    // The container may have been deleted since the list was read.
    let Some(claim) = records.state.read_committed(&claim.owner)? else { return Ok(()) };
    settle(&records, backends, &claim).await?;
    drop(lock);
    flows::remove_stale(&claim)
}
