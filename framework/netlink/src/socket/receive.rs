//! Receiving datagrams, and what it means when there is none.

use std::io;
use std::time::Duration;

use crate::error::{Cause, Malformed, errno};

/// `recv`: report the datagram's true length even when the buffer was shorter.
pub(super) const MSG_TRUNC: i32 = 0x20;
/// The kernel answers inside `send`, so this long wait means that it never will.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Receives one datagram of the kernel; those of other processes are dropped.
pub(super) fn receive(socket: &netlink_sys::Socket, buffer: &mut Vec<u8>) -> Result<(), Cause> {
    receive_with(socket, buffer, MSG_TRUNC).map_err(Cause::from)
}

/// As [`receive`], with the flags of `recv`, [`MSG_TRUNC`] among them.
pub(super) fn receive_with(
    socket: &netlink_sys::Socket,
    buffer: &mut Vec<u8>,
    flags: i32,
) -> Result<(), Silence> {
    loop {
        buffer.clear();
        let (length, sender) = retried(|| socket.recv_from(buffer, flags)).map_err(Silence::of)?;
        if sender.port_number() != 0 {
            continue;
        }
        if length > buffer.len() {
            let cause = Malformed("a datagram is longer than any that was expected").into();
            return Err(Silence::Fault(cause));
        }
        return Ok(());
    }
}

/// Why nothing was received.
pub(super) enum Silence {
    /// There is nothing, not yet or never.
    Nothing,
    /// There was more than the receive buffer holds: the last of it is lost, what came first is still there.
    Lost,
    Fault(Cause),
}

impl Silence {
    fn of(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(errno::EAGAIN) => Self::Nothing,
            Some(errno::ENOBUFS) => Self::Lost,
            _ => Self::Fault(Cause::Io(error)),
        }
    }
}

impl From<Silence> for Cause {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Nothing => Self::Timeout(PATIENCE),
            Silence::Lost => Self::Io(io::Error::from_raw_os_error(errno::ENOBUFS)),
            Silence::Fault(cause) => cause,
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
