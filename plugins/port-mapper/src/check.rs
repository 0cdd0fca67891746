//! CHECK: compares the rules on the host with those that ADD created.

use cni_wrapper::{AddResult, Call};

use crate::backend::{Backend, Backends};
use crate::claim::Claim;
use crate::config::Settings;
use crate::error::Error;
use crate::guard;
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
    guard::ensure(&settings.into(), &backends).await;
    let noted = stored.as_ref().ok().and_then(Clone::clone);
    let Some(claim) = expected(call, settings, result, stored)? else { return Ok(()) };
    let kind = backends.home(noted.as_ref().unwrap_or(&claim)).await;
    backends.get(kind)?.check(&claim).await
}

/// Returns the claim of the call, or the stored one if the runtime does not pass mappings to CHECK.
fn expected(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
    stored: Result<Option<Claim>, Error>,
) -> Result<Option<Claim>, Error> {
    let noted = stored.as_ref().ok().and_then(Option::as_ref);
    let standby = noted.map(|claim| claim.standby.clone()).unwrap_or_default();
    let claim = match settings.mappings.is_empty() {
        true => stored?,
        false => {
            let mut claim = Claim::of_call(call, settings, result)?;
            match noted {
                Some(noted) => claim.without_localhost = noted.without_localhost,
                None => localhost::decide(&mut claim)?,
            }
            Some(claim)
        }
    };
    let claim = claim.map(|claim| claim.with_standby(&standby));
    Ok(claim.filter(|claim| !claim.mappings.is_empty()))
}
