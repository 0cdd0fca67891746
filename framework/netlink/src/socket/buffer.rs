//! The receive buffers of sockets.

use std::cell::Cell;
use std::mem;
use std::ops::{Deref, DerefMut};

/// The size of the receive buffer. The kernel sends at most 32 KiB in one datagram of a list, and
/// any single reply fits twice that size.
const RECEIVE: usize = 64 * 1024;

thread_local! {
    /// The buffer of a socket that was closed. A process opens several sockets, mostly one after
    /// the other, and new memory is much slower than memory that was used before.
    static UNUSED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer with room for a datagram.
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn new() -> Self {
        let mut buffer = UNUSED.take();
        buffer.clear();
        buffer.reserve_exact(RECEIVE);
        Self(buffer)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // It is freed if the thread ends.
        let _ = UNUSED.try_with(|unused| unused.set(mem::take(&mut self.0)));
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}
