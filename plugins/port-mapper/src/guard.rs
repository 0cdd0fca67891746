//! Puts back the guard of 127.0.0.0/8 where another program removed it, such as a firewall that was
//! reloaded, while `route_localnet` is on.

use crate::backend::{Backend, Backends, Guard};
use crate::config::{BackendKind, Cleanup};
use crate::error::Error;
use crate::host::localhost;
use crate::host::record::HostRecord;
use crate::lock::Unlocked;
use crate::without_state;

/// Creates the guard if it is needed and missing. For calls that change no rules otherwise: if it
/// fails, that is a warning, since it is not what the call is for.
pub async fn ensure(cleanup: &Cleanup, backends: &Backends) {
    if let Err(error) = try_ensure(cleanup, backends).await {
        log::warn!("the rules that guard 127.0.0.0/8 may be missing: {error}");
    }
}

async fn try_ensure(cleanup: &Cleanup, backends: &Backends) -> Result<(), Error> {
    let host = match HostRecord::open_existing(&cleanup.state_dir) {
        // It contains nothing of ours.
        Err(error) if without_state::is_refused(&error) => return Ok(()),
        host => host?,
    };
    let Some(host) = host else { return Ok(()) };
    if localhost::guard(&host) != Guard::Needed {
        return Ok(());
    }
    if is_there(backends) {
        return Ok(());
    }
    let _lock = Unlocked::open(&host)?.lock(cleanup.lock_timeout).await?;
    restore(backends, Some(cleanup)).await
}

/// Creates the guard if it is missing. The caller holds the lock.
///
/// # Errors
///
/// The change is rejected.
pub async fn restore(backends: &Backends, cleanup: Option<&Cleanup>) -> Result<(), Error> {
    if is_there(backends) {
        return Ok(());
    }
    let configured = cleanup.and_then(|cleanup| cleanup.backend);
    backends.get(backends.kind(configured).await)?.ensure_guard().await
}

/// The kernel shows it, without a program.
fn is_there(backends: &Backends) -> bool {
    BackendKind::ALL.into_iter().any(|kind| backends.has_guard_in(kind))
}
