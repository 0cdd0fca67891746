//! Closes a socket without waiting: the kernel does it after the process has exited.
//!
//! After a delete in nf_tables, the next close of a netfilter socket waits, usually 10 ms, for an
//! RCU grace period. A process closes its sockets when it exits, so its parent waits too. But files
//! that are registered with an io_uring are closed by a kernel worker, for which no process waits.

use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io_uring::{IoringRegisterOp, io_uring_params, io_uring_register, io_uring_setup};

/// How many sockets a process may leave open. Each keeps two descriptors until the process exits,
/// so a long-running process has to wait after this number.
const MOST: usize = 16;
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Leaves the close to the kernel. If io_uring is unavailable, closes the socket and waits.
pub(super) fn close_in_background(socket: impl AsFd) {
    let is_one_of_few = LEFT.fetch_add(1, Ordering::Relaxed) < MOST;
    if let Some(ring) = is_one_of_few.then(|| ring_with(&socket)).flatten() {
        // Closed when the process exits: if it were closed earlier, this process would wait.
        let _ = ring.into_raw_fd();
    }
    drop(socket);
}

/// Returns an io_uring with which the socket is registered.
fn ring_with(socket: &impl AsFd) -> Option<OwnedFd> {
    let mut params = io_uring_params::default();
    // SAFETY: no flags are set, so no descriptor in `params` is used, and the rings are never
    // mapped.
    #[allow(unsafe_code, reason = "there is no safe interface to io_uring")]
    let ring = unsafe { io_uring_setup(1, &mut params) }.ok()?;
    let sockets = [socket.as_fd().as_raw_fd()];
    let list = sockets.as_ptr().cast::<c_void>();
    // SAFETY: `list` points to one open descriptor and is only read during the call. Nothing is
    // ever submitted to the ring, so it uses no memory of this process.
    #[allow(unsafe_code, reason = "there is no safe interface to io_uring")]
    let registered = unsafe { io_uring_register(&ring, IoringRegisterOp::RegisterFiles, list, 1) };
    registered.ok().map(|_| ring)
}
