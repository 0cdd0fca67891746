//! The xtables lock, for iptables-restore before 1.6.2, which neither takes it nor has `-w`.

use std::fs::OpenOptions;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use async_std::task;
use cni_wrapper::{FileError, FileLock};

use crate::error::Error;

/// The lock of iptables 1.4: the process that has bound this abstract socket address holds it.
const SOCKET: &str = "xtables";
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The lock, which is held until it is dropped.
#[derive(Debug)]
pub(super) struct XtablesLock {
    _file: FileLock,
    _socket: UnixListener,
}

impl XtablesLock {
    /// Takes the lock of 1.4 and the one of 1.6, since other programs may respect either.
    pub(super) async fn take(file: &Path, timeout: Duration) -> Result<Self, Error> {
        let started = Instant::now();
        let held = |message: String| Error::XtablesLocked { waited: timeout, message };
        let failed = |source| FileError { action: "lock", path: file.to_owned(), source };
        let socket = bind(timeout)
            .await
            .map_err(failed)?
            .ok_or_else(|| held(format!("the abstract socket @{SOCKET} is in use")))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let opened = options.open(file).map_err(failed)?;
        let lock = FileLock::acquire(opened, started + timeout)
            .await
            .map_err(failed)?
            .ok_or_else(|| held(format!("{} is locked", file.display())))?;
        Ok(Self { _file: lock, _socket: socket })
    }
}

/// Binds the socket. Returns `None` if the address is still in use after the timeout.
async fn bind(timeout: Duration) -> io::Result<Option<UnixListener>> {
    let started = Instant::now();
    let name = SocketAddr::from_abstract_name(SOCKET)?;
    loop {
        match UnixListener::bind_addr(&name) {
            Ok(socket) => return Ok(Some(socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
        let Some(left) = timeout.checked_sub(started.elapsed()) else { return Ok(None) };
        task::sleep(POLL_INTERVAL.min(left)).await;
    }
}
