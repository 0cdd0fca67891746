//! Closing a socket without waiting for it: the kernel does it after the process has ended.
//!
//! When something was deleted from nf_tables, whoever closes a netfilter socket next waits, usually 10 ms, until no
//! processor can still be looking at it. A process that ends closes its sockets too, and so is not seen as ended
//! before that. But what an io_uring holds is closed by a worker of the kernel's, which nobody waits for.

use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::io_uring::{IoringRegisterOp, io_uring_params, io_uring_register, io_uring_setup};

/// How many sockets a process leaves: two descriptors each stay open until it ends, so one that goes on and on must
/// wait after all.
const MOST: usize = 16;
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Leaves the socket to the kernel; where it has no io_uring, or does not let this process use it, closes it and
/// waits.
pub(super) fn close_later(socket: impl AsFd) {
    let is_one_of_few = LEFT.fetch_add(1, Ordering::Relaxed) < MOST;
    if let Some(ring) = is_one_of_few.then(|| ring_with(&socket)).flatten() {
        // Closed when the process ends: earlier it would be this process that does the work, and waits.
        let _ = ring.into_raw_fd();
    }
    drop(socket);
}

/// A ring that holds the socket.
fn ring_with(socket: &impl AsFd) -> Option<OwnedFd> {
    let mut params = io_uring_params::default();
    // SAFETY: no flags are set, so none of the descriptors in `params` is looked at; the rings are never mapped.
    #[allow(unsafe_code, reason = "io_uring is offered in no other way")]
    let ring = unsafe { io_uring_setup(1, &mut params) }.ok()?;
    let sockets = [socket.as_fd().as_raw_fd()];
    let list = sockets.as_ptr().cast::<c_void>();
    // SAFETY: `list` points to one descriptor, which is open, and is read during the call only. Nothing is ever
    // submitted to the ring, so no memory of this process is used by it.
    #[allow(unsafe_code, reason = "io_uring is offered in no other way")]
    let registered = unsafe { io_uring_register(&ring, IoringRegisterOp::RegisterFiles, list, 1) };
    registered.ok().map(|_| ring)
}
