//! `gc`: removes what belongs to containers whose network namespace is gone.

use cni_wrapper::Environment;
use serde_json::json;

use super::list::claims;
use super::{Options, Report};
use crate::attach::surroundings;
use crate::backend::Backends;
use crate::claim::Claim;
use crate::config::Cleanup;
use crate::detach::detach;
use crate::error::Error;
use crate::liveness::is_live;
use crate::state::State;

/// Goes on after an error. What killed ADDs have begun goes, too.
pub(super) async fn gc(options: &Options) -> Result<Report, Error> {
    let cleanup = Cleanup {
        chain: None,
        backend: None,
        state_dir: options.state_dir.clone(),
        lock_timeout: options.patience,
    };
    let backends = Backends::new(surroundings(&Environment::current()), options.patience);
    let (mut removed, mut errors) = (Vec::new(), Vec::new());
    for claim in claims(options)?.into_iter().chain(begun(options)?) {
        match claim {
            Ok(claim) if is_live(&claim) => {}
            Ok(claim) => match detach(&claim.owner, &cleanup, &backends).await {
                Ok(()) => removed.push(claim.owner),
                Err(error) => errors.push(format!("{}: {error}", claim.owner)),
            },
            Err(error) => errors.push(error.to_string()),
        }
    }
    let mut text: String = removed.iter().map(|owner| format!("removed {owner}\n")).collect();
    text.extend(errors.iter().map(|error| format!("not removed: {error}\n")));
    if text.is_empty() {
        text.push_str("nothing to remove\n");
    }
    let json = json!({"removed": removed, "errors": errors});
    Ok(Report { text, json, well: errors.is_empty() })
}

fn begun(options: &Options) -> Result<Vec<Result<Claim, Error>>, Error> {
    let state = State::open_existing(&options.state_dir)?;
    let begun = state.map_or(Ok(Vec::new()), |state| state.list_begun())?;
    Ok(begun.into_iter().map(Ok).collect())
}
