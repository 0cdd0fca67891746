//! ADD's part: from the result to rules, in the order that a crash at any point can be cleaned up after.

use cni_wrapper::{AddResult, Attachment, Call, Environment};

use crate::backend::{Backend, Backends, Besides, Surroundings};
use crate::claim::{Cidr, Claim};
use crate::config::Settings;
use crate::detach;
use crate::elsewhere;
use crate::error::Error;
use crate::host::{flows, hairpin, localhost};
use crate::liveness::is_live;
use crate::lock::Unlocked;
use crate::owner::{Holder, Owner};
use crate::state::State;

/// Maps the host ports. `begin` is called right before anything is touched, and may be called again: until then there is nothing to undo.
///
/// # Errors
///
/// The claim can't work, the lock is held, a host port is taken, or the host refuses.
pub async fn attach(
    call: &Call,
    settings: &Settings,
    result: &AddResult,
    begin: impl Fn(),
) -> Result<(), Error> {
    let mut claim = claim(call, settings, result)?;
    let backends = Backends::new(surroundings(&call.environment), settings.lock_timeout);
    if is_unfinished(settings, &claim.owner)? {
        begin();
        detach::detach(&claim.owner, &settings.into(), &backends).await?;
    }
    if claim.mappings.is_empty() {
        begin();
        return nothing_to_map(settings, &claim, &backends).await;
    }
    claim.backend = backends.kind(settings.backend);
    let backend = backends.get(claim.backend)?;
    let (state, is_new) = localhost::open_or_make_state(&settings.state_dir)?;
    let unlocked = Unlocked::open(&state)?;
    backend.prepare(&claim).await;
    let lock = unlocked.lock(settings.lock_timeout).await?;
    begin();
    let noted = if is_new { Err(()) } else { state.read(&claim.owner).map_err(drop) };
    let stale = |holder: &Holder| is_stale(&state, holder);
    let before = noted.as_ref().ok().and_then(Option::as_ref);
    elsewhere::clear(&state, &backends, &claim, before, &stale).await?;
    // The file first: rules without one cost a DEL its knowledge, a file without rules costs nothing.
    state.begin(&claim)?;
    let had_none = |noted: Option<Claim>| noted.is_none_or(|claim| claim.mappings.is_empty());
    let besides = if noted.is_ok_and(had_none) { Besides::Nothing } else { Besides::Anything };
    establish(&state, backend, &claim, besides).await?;
    state.settle(&claim.owner)?;
    // What follows concerns this container alone, and others wait.
    drop(lock);
    let names: Vec<String> = result.host_interfaces().into_iter().map(|link| link.name).collect();
    hairpin::open(&claim, &names)?;
    flows::forget_stale(&claim)
}

/// Whether an ADD or DEL of the attachment was killed and no DEL came since: there may be something of every claim that it had, and
/// the files have room for two.
fn is_unfinished(settings: &Settings, owner: &Owner) -> Result<bool, Error> {
    let state = State::open_existing(&settings.state_dir)?;
    Ok(state.is_some_and(|state| state.read_begun(owner).is_some()))
}

/// Makes the rules what the claim says, under the lock. Repeating it repairs.
///
/// # Errors
///
/// As [`attach`].
pub async fn establish(
    state: &State,
    backend: &impl Backend,
    claim: &Claim,
    besides: Besides,
) -> Result<(), Error> {
    let installed = backend.install(claim, besides, &|holder| is_stale(state, holder)).await?;
    for holder in &installed.replaced {
        forget(state, holder)?;
    }
    if claim.serves_localhost() {
        // Behind the guard, which stands by now.
        localhost::open(state, claim)?;
    }
    Ok(())
}

/// Leaves word that there is nothing to clean up, so that DEL need not look for rules.
async fn nothing_to_map(
    settings: &Settings,
    claim: &Claim,
    backends: &Backends,
) -> Result<(), Error> {
    let before = State::open_existing(&settings.state_dir)
        .and_then(|state| state.map_or(Ok(None), |state| state.read(&claim.owner)));
    if matches!(&before, Ok(Some(before)) if !before.mappings.is_empty()) {
        detach::detach(&claim.owner, &settings.into(), backends).await?;
    }
    if let Err(error) =
        localhost::open_state(&settings.state_dir).and_then(|state| state.write(claim))
    {
        log::warn!("DEL will have to look for rules: {error}");
    }
    Ok(())
}

/// What the attachment of this call claims.
///
/// # Errors
///
/// A mapping that could never work.
pub fn claim(call: &Call, settings: &Settings, result: &AddResult) -> Result<Claim, Error> {
    let ips = result.ips_of(&call.attachment.ifname);
    let addresses = ips.iter().filter_map(|ip| Cidr::new(ip.address, ip.prefix)).collect();
    let netns = call.netns.clone().unwrap_or_default();
    Claim::new(owner(&call.attachment), netns, addresses, settings)
}

/// The owner of an attachment's rules.
pub fn owner(attachment: &Attachment) -> Owner {
    let Attachment { network, container_id, ifname } = attachment.clone();
    Owner { network, container_id, ifname }
}

/// What helper programs get of the environment.
pub fn surroundings(environment: &Environment) -> Surroundings {
    let value = |name: &str| environment.get(name).map(ToOwned::to_owned);
    Surroundings { path: value("PATH"), xtables_lock_file: value("XTABLES_LOCKFILE") }
}

/// Only who is proven dead is replaced: rules without a file, such as the original's, may be of a live container.
fn is_stale(state: &State, holder: &Holder) -> bool {
    match holder {
        Holder::Attachment(owner) => {
            matches!(state.read(owner), Ok(Some(claim)) if !is_live(&claim))
        }
        Holder::Original { .. } => false,
    }
}

fn forget(state: &State, holder: &Holder) -> Result<(), Error> {
    let Holder::Attachment(owner) = holder else { return Ok(()) };
    log::info!("{owner} is gone; its host ports were taken over");
    localhost::release(state, owner)?;
    state.remove(owner)
}
