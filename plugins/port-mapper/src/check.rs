//! CHECK: compares the rules on the host with those that ADD created.

use std::collections::HashMap;

use cni_wrapper::{AddResult, Call};

use crate::backend::{Backend, Backends};
use crate::claim::Claim;
use crate::config::Settings;
use crate::error::Error;
use crate::guard;
use crate::host::record::HostRecord;
use crate::host::{chains, localhost};
use crate::mappings::Mapping;
use crate::ownership::decide;
use crate::records::Records;
use crate::state::State;
use crate::unknown_claims;

/// Compares every rule of the attachment.
///
/// # Errors
///
/// [`Error::Differs`], or the rules cannot be listed.
pub async fn check(call: &Call, settings: &Settings, result: &AddResult) -> Result<(), Error> {
    let stored = State::open_existing(&settings.state_dir)?
        .map_or(Ok(None), |state| state.read(&call.attachment));
    let backends = Backends::new((&call.environment).into(), settings.lock_timeout);
    if let Err(error) = unknown_claims::enter(&settings.state_dir, settings.lock_timeout).await {
        log::warn!("other networks may not know of the host ports of this one: {error}");
    }
    guard::ensure(&settings.into(), &backends).await;
    let noted = stored.as_ref().ok().and_then(Clone::clone);
    if let Some(noted) = &noted {
        check_standby(settings, noted)?;
    }
    let Some(claim) = expected(call, settings, result, stored)? else { return Ok(()) };
    let kind = backends.home(noted.as_ref().unwrap_or(&claim)).await;
    let backend = backends.get(kind)?;
    if let Some(host) = HostRecord::open_existing(&settings.state_dir)? {
        backend.record_chains_in(chains::of(&host, kind));
    }
    backend.check(&claim).await
}

/// Checks that another attachment of the container has the host ports of mappings on standby.
fn check_standby(settings: &Settings, noted: &Claim) -> Result<(), Error> {
    if noted.standby.is_empty() {
        return Ok(());
    }
    let others = Records::open(&settings.state_dir)?.others(noted)?;
    let taken = decide(noted, others).standby;
    let free = noted.standby.iter().filter(|mapping| !taken.contains(mapping));
    let differences: Vec<String> =
        free.map(|mapping| format!("missing: rules for {mapping}, which is on standby")).collect();
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Error::Differs { rules: "host port", differences }),
    }
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
                Some(noted) => {
                    claim.without_localhost = noted.without_localhost;
                    in_order_of(noted, &mut claim.mappings);
                }
                None => localhost::decide(&mut claim)?,
            }
            Some(claim)
        }
    };
    let claim = claim.map(|claim| claim.with_standby(&standby));
    Ok(claim.filter(|claim| !claim.mappings.is_empty()))
}

/// Puts mappings into the order of the stored ones, in which their rules are.
fn in_order_of(noted: &Claim, mappings: &mut [Mapping]) {
    let all = noted.all_mappings();
    let order: HashMap<&Mapping, usize> = all.iter().zip(0..).collect();
    mappings.sort_unstable_by_key(|mapping| order.get(mapping).copied().unwrap_or(usize::MAX));
}
