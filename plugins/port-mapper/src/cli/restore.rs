//! `restore`: puts the rules of all live containers back, after a firewall reload. What an ADD has only begun is its own matter.

use cni_wrapper::Environment;
use serde_json::json;

use super::list::claims;
use super::{Options, Report};
use crate::attach::{establish, surroundings};
use crate::backend::{Backends, Besides};
use crate::claim::Claim;
use crate::error::Error;
use crate::host::flows;
use crate::host::localhost::open_state;
use crate::liveness::is_live;
use crate::lock::Unlocked;

/// What is right already is left alone. Goes on after an error.
pub(super) async fn restore(options: &Options) -> Result<Report, Error> {
    let backends = Backends::new(surroundings(&Environment::current()), options.patience);
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
        match one(options, &backends, &claim).await {
            Ok(()) => restored.push(claim.owner),
            Err(error) => errors.push(format!("{}: {error}", claim.owner)),
        }
    }
    let mut text: String = restored.iter().map(|owner| format!("restored {owner}\n")).collect();
    text.extend(errors.iter().map(|error| format!("not restored: {error}\n")));
    if text.is_empty() {
        text.push_str("nothing to restore\n");
    }
    let json = json!({"restored": restored, "errors": errors});
    Ok(Report { text, json, well: errors.is_empty() })
}

/// The lock is taken anew for each, so that a long restore does not hold up containers that start meanwhile.
async fn one(options: &Options, backends: &Backends, claim: &Claim) -> Result<(), Error> {
    let backend = backends.get(claim.backend)?;
    let state = open_state(&options.state_dir)?;
    let lock = Unlocked::open(&state)?.lock(options.patience).await?;
    // Its DEL may have come since the list was read.
    let Some(claim) = state.read_settled(&claim.owner)? else { return Ok(()) };
    establish(&state, backend, &claim, Besides::Nothing).await?;
    drop(lock);
    flows::forget_stale(&claim)
}
