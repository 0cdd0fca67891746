//! `gc`: removes the mappings of containers whose network namespace no longer exists.

use cni_wrapper::Environment;
use serde_json::json;

use super::list::claims;
use super::{Options, Report};
use crate::backend::Backends;
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::detach::detach;
use crate::error::Error;
use crate::liveness::is_live;
use crate::owner::Owner;
use crate::state::State;

/// Removes committed and prepared claims of such containers. Continues after an error.
pub(super) async fn gc(options: &Options) -> Result<Report, Error> {
    let cleanup = Cleanup {
        chain: None,
        backend: None,
        state_dir: options.state_dir.clone(),
        lock_timeout: options.lock_timeout,
    };
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let (mut removed, mut errors) = (Vec::new(), Vec::new());
    for claim in claims(options)?.into_iter().chain(prepared(options)?) {
        match claim {
            Ok(claim) if is_live(&claim) => {}
            Ok(claim) => match detach(&claim.owner, &cleanup, &backends).await {
                Ok(()) => removed.push(claim.owner),
                Err(error) => errors.push(format!("{}: {error}", Owner::from(&claim.owner))),
            },
            Err(error) => errors.push(error.to_string()),
        }
    }
    let mut text: String =
        removed.iter().map(|owner| format!("removed {}\n", Owner::from(owner))).collect();
    text.extend(errors.iter().map(|error| format!("not removed: {error}\n")));
    if text.is_empty() {
        text.push_str("nothing to remove\n");
    }
    let json = json!({"removed": removed, "errors": errors});
    Ok(Report { text, json, success: errors.is_empty() })
}

fn prepared(options: &Options) -> Result<Vec<Result<Claim, Error>>, Error> {
    let state = State::open_existing(&options.state_dir)?;
    let prepared = state.map_or(Ok(Vec::new()), |state| state.list_prepared())?;
    Ok(prepared.into_iter().map(Ok).collect())
}
