//! CHECK's part: are the host's rules those that ADD made?

use cni_wrapper::{AddResult, Call};

use crate::attach::{claim, owner, surroundings};
use crate::backend::{self, Backend};
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
    let Some(claim) = expected(call, settings, result)? else { return Ok(()) };
    let surroundings = surroundings(&call.environment);
    backend::open(claim.backend, &surroundings, settings.lock_timeout)?.check(&claim).await
}

/// What the call says; a runtime that leaves the mappings out of CHECK leaves us what ADD wrote down.
fn expected(call: &Call, settings: &Settings, result: &AddResult) -> Result<Option<Claim>, Error> {
    if !settings.mappings.is_empty() {
        return claim(call, settings, result).map(Some);
    }
    match State::open_existing(&settings.state_dir)? {
        Some(state) => {
            let claim = state.read(&owner(&call.attachment))?;
            Ok(claim.filter(|claim| !claim.mappings.is_empty()))
        }
        None => Ok(None),
    }
}
