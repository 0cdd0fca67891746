//! Receives datagrams, and explains why there is none.

use std::io;
use std::time::Duration;

use crate::error::{Cause, Malformed, errno};

/// Flag of `recv`: return the real length of the datagram even if the buffer is shorter.
pub(super) const MSG_TRUNC: i32 = 0x20;
/// The receive timeout. The kernel replies during `send`, so it is never reached in normal
/// operation.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Receives one datagram from the kernel; those from other processes are dropped.
pub(super) fn receive(socket: &netlink_sys::Socket, buffer: &mut Vec<u8>) -> Result<(), Cause> {
    receive_with(socket, buffer, MSG_TRUNC).map_err(Cause::from)
}

/// Receives like [`receive`], with flags of `recv` that include [`MSG_TRUNC`].
pub(super) fn receive_with(
    socket: &netlink_sys::Socket,
    buffer: &mut Vec<u8>,
    flags: i32,
) -> Result<(), ReceiveError> {
    loop {
        buffer.clear();
        let (length, sender) =
            retried(|| socket.recv_from(buffer, flags)).map_err(ReceiveError::of)?;
        if sender.port_number() != 0 {
            continue;
        }
        if length > buffer.len() {
            let cause = Malformed("a datagram is longer than the receive buffer").into();
            return Err(ReceiveError::Other(cause));
        }
        return Ok(());
    }
}

/// The reason why nothing was received.
pub(super) enum ReceiveError {
    /// No datagram was queued.
    WouldBlock,
    /// The receive buffer overflowed. The last datagrams were lost, the earlier ones are still
    /// queued.
    Overflow,
    Other(Cause),
}

impl ReceiveError {
    fn of(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno::EAGAIN) => Self::WouldBlock,
            Some(errno::ENOBUFS) => Self::Overflow,
            _ => Self::Other(Cause::Io(error)),
        }
    }
}

impl From<ReceiveError> for Cause {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::WouldBlock => Self::Timeout(TIMEOUT),
            ReceiveError::Overflow => Self::Io(io::Error::from_raw_os_error(errno::ENOBUFS)),
            ReceiveError::Other(cause) => cause,
        }
    }
}

pub(super) fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
