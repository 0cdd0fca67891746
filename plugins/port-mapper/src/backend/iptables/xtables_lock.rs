//! The xtables lock, for iptables-restore before 1.6.2, which neither takes it nor has `-w`.

use std::fs::OpenOptions;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::time::{Duration, Instant};

use async_std::task;
use cni_wrapper::{FileError, FileLock, HolderWatch};

use super::lock_holder::holder;
use crate::error::Error;
use crate::lock::patience;

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
    /// Takes the lock of 1.4 and the one of 1.6, since other programs may respect either. Waits
    /// while a lock changes hands, until one process has held it for `timeout`.
    pub(super) async fn take(file: &Path, timeout: Duration) -> Result<Self, Error> {
        let failed = |source| FileError { action: "lock", path: file.to_owned(), source };
        let socket = bind(timeout).await.map_err(failed)?.map_err(|watch| {
            let message = format!("the abstract socket @{SOCKET} is in use");
            still_held(&watch, message)
        })?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let opened = options.open(file).map_err(failed)?;
        let lock = FileLock::acquire_watching(opened, patience(timeout), || holder(file)).await;
        let lock = lock
            .map_err(failed)?
            .map_err(|watch| still_held(&watch, format!("{} is locked", file.display())))?;
        Ok(Self { _file: lock, _socket: socket })
    }
}

fn still_held<H: PartialEq>(watch: &HolderWatch<H>, message: String) -> Error {
    Error::XtablesLocked { waited: watch.waited(), changes: watch.changes(), message }
}

/// Binds the socket. Returns what was seen of its holders if it was not released in time.
async fn bind(timeout: Duration) -> io::Result<Result<UnixListener, HolderWatch<Option<String>>>> {
    let name = SocketAddr::from_abstract_name(SOCKET)?;
    let mut watch = None;
    loop {
        match UnixListener::bind_addr(&name) {
            Ok(socket) => return Ok(Ok(socket)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
        let (now, holder) = (Instant::now(), socket_holder());
        let watch = match &mut watch {
            Some(watch) => {
                HolderWatch::see(watch, now, holder);
                watch
            }
            watch => watch.insert(HolderWatch::new(patience(timeout), now, holder)),
        };
        if watch.is_over() {
            return Ok(Err(watch.clone()));
        }
        // There is no queue for the address.
        task::sleep(POLL_INTERVAL.min(watch.pause())).await;
    }
}

/// Returns the inode of the bound socket. Each process that binds the address has another one.
fn socket_holder() -> Option<String> {
    let sockets = std::fs::read_to_string("/proc/net/unix").ok()?;
    let is_lock = |line: &&str| line.split_ascii_whitespace().nth(7) == Some("@xtables");
    let line = sockets.lines().find(is_lock)?;
    line.split_ascii_whitespace().nth(6).map(str::to_owned)
}
