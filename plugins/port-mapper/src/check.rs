//! CHECK: compares the rules on the host with those that ADD created.

use cni_wrapper::{AddResult, Call};

use crate::backend::{Backend, Backends};
use crate::claim::Claim;
use crate::config::Settings;
use crate::error::Error;
use crate::host::localhost;
use crate::state::State;

/// Compares every rule of the attachment.
///
/// # Errors
///
/// [`Error::Differs`], or the rules cannot be listed.
pub async fn check(call: &Call, settings: &Settings, result: &AddResult) -> Result<(), Error> {
    let stored = State::open_existing(&settings.state_dir)?
        .map_or(Ok(None), |state| state.read(&call.attachment));
    let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
    let kind = match &stored {
        Ok(Some(claim)) => claim.backend,
        _ => backends.kind(settings.backend),
    };
    let Some(claim) = expected(call, settings, result, stored)? else { return Ok(()) };
    backends.get(kind)?.check(&claim).await
}

/// Returns the claim of the call, or the stored one if the runtime does not pass mappings to CHECK.
fn expected(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
    stored: Result<Option<Claim>, Error>,
) -> Result<Option<Claim>, Error> {
    if !settings.mappings.is_empty() {
        let mut claim = Claim::of_call(call, settings, result)?;
        match stored {
            Ok(Some(stored)) => claim.without_localhost = stored.without_localhost,
            _ => localhost::decide(&mut claim)?,
        }
        return Ok(Some(claim));
    }
    Ok(stored?.filter(|claim| !claim.mappings.is_empty()))
}
