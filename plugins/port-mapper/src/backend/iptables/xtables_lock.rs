//! The xtables lock, taken by ourselves: iptables-restore before 1.6.2 neither takes it nor knows `-w`.

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

/// What iptables 1.4 locks: whoever has bound this abstract name holds the lock.
const SOCKET: &str = "xtables";
const PAUSE: Duration = Duration::from_millis(20);

/// Held until dropped.
#[derive(Debug)]
pub(super) struct XtablesLock {
    _file: FileLock,
    _socket: UnixListener,
}

impl XtablesLock {
    /// Takes the lock of 1.4 and that of 1.6: which of the two others look at is not known.
    pub(super) async fn take(file: &Path, patience: Duration) -> Result<Self, Error> {
        let started = Instant::now();
        let held = |said: String| Error::XtablesLocked { waited: patience, said };
        let failed = |source| FileError { action: "lock", path: file.to_owned(), source };
        let socket = bind(patience)
            .await
            .map_err(failed)?
            .ok_or_else(|| held(format!("the abstract socket @{SOCKET} is in use")))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let opened = options.open(file).map_err(failed)?;
        let lock = FileLock::acquire(opened, started + patience)
            .await
            .map_err(failed)?
            .ok_or_else(|| held(format!("{} is locked", file.display())))?;
        Ok(Self { _file: lock, _socket: socket })
    }
}

/// `None` when the name is taken for all that time.
async fn bind(patience: Duration) -> io::Result<Option<UnixListener>> {
    let started = Instant::now();
    let name = SocketAddr::from_abstract_name(SOCKET)?;
    loop {
        match UnixListener::bind_addr(&name) {
            Ok(socket) => return Ok(Some(socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
        let Some(left) = patience.checked_sub(started.elapsed()) else { return Ok(None) };
        task::sleep(PAUSE.min(left)).await;
    }
}
