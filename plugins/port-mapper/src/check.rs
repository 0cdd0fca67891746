//! CHECK's part: are the host's rules those that ADD made?

use cni_wrapper::{AddResult, Call};

use crate::attach::{claim, owner, surroundings};
use crate::backend::{Backend, Backends};
use crate::claim::Claim;
use crate::config::Settings;
use crate::error::Error;
use crate::state::State;

/// Compares each rule, word by word.
///
/// # Errors
///
/// [`Error::Differs`], or the rules can't be listed.
pub async fn check(call: &Call, settings: &Settings, result: &AddResult) -> Result<(), Error> {
    let noted = State::open_existing(&settings.state_dir)?
        .map_or(Ok(None), |state| state.read(&owner(&call.attachment)));
    let backends = Backends::new(surroundings(&call.environment), settings.lock_timeout);
    let kind = match &noted {
        Ok(Some(claim)) => claim.backend,
        _ => backends.kind(settings.backend),
    };
    let Some(claim) = expected(call, settings, result, noted)? else { return Ok(()) };
    backends.get(kind)?.check(&claim).await
}

/// What the call says; a runtime that leaves the mappings out of CHECK leaves us what ADD wrote down.
fn expected(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
    noted: Result<Option<Claim>, Error>,
) -> Result<Option<Claim>, Error> {
    if !settings.mappings.is_empty() {
        return claim(call, settings, result).map(Some);
    }
    Ok(noted?.filter(|claim| !claim.mappings.is_empty()))
}
