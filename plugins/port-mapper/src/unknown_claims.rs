//! Claims that the record of this host does not know: it was lost, and their state directory is
//! another one that no call has used since.
//!
//! Every call that changes rules takes over the claims of its own state directory. What is here is
//! for calls and commands that would change nothing otherwise.

use std::path::Path;
use std::time::Duration;

use crate::claim::Claim;
use crate::error::Error;
use crate::host::ports::PortIndex;
use crate::host::record::HostRecord;
use crate::lock::Unlocked;
use crate::records::Records;
use crate::state::State;
use crate::without_state::is_refused;

/// Enters the claims of a state directory into the record of this host, if it does not know them.
///
/// # Errors
///
/// The claims can't be read, the lock is held, or the record can't be written.
pub async fn enter(state_dir: &Path, lock_timeout: Duration) -> Result<(), Error> {
    if is_known(state_dir)? {
        return Ok(());
    }
    let records = Records::open(state_dir)?;
    let _lock = Unlocked::open(&records.host)?.lock(lock_timeout).await?;
    records.complete()
}

/// Reports whether the record knows the claims of a directory, or there are none with mappings.
fn is_known(state_dir: &Path) -> Result<bool, Error> {
    let state = match State::open_existing(state_dir) {
        // It contains nothing of ours.
        Err(error) if is_refused(&error) => return Ok(true),
        state => state?,
    };
    let Some(state) = state else { return Ok(true) };
    let host = HostRecord::open_existing(state_dir)?;
    if host.is_some_and(|host| PortIndex::new(&host).includes(state.path())) {
        return Ok(true);
    }
    let mut claims = state.list()?.into_iter().flatten().chain(state.list_prepared()?);
    Ok(!claims.any(|claim: Claim| claim.has_any()))
}
