//! Netlink sockets: requests, their acknowledgements, and lists.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::constants::{NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::attribute::Body;
use crate::error::{Cause, Error, Malformed};
use crate::message::{Message, Messages, Writer, flag, kind};

pub(crate) mod batch;
mod buffer;
mod close;
mod receive;

use buffer::Buffer;
use receive::{TIMEOUT, receive, retried};

/// How often a list is read if it changes while it is read.
const ATTEMPTS: usize = 16;

/// A kernel subsystem with a netlink interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subsystem {
    /// Links, addresses, routes.
    Route,
    /// Connection tracking, nf_tables.
    Netfilter,
    /// Sockets of all processes.
    Sockets,
}

/// A netlink socket for one request at a time, in the network namespace of the thread that opened
/// it.
///
/// Its two buffers are reused for every request.
pub struct Socket {
    inner: netlink_sys::Socket,
    writer: Writer,
    received: Buffer,
    sequence: u32,
    /// Whether the kernel explains its refusals.
    explains: bool,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl Socket {
    /// Opens a socket to a subsystem.
    pub fn open(subsystem: Subsystem) -> Result<Self, Error> {
        let (protocol, name) = match subsystem {
            Subsystem::Route => (NETLINK_ROUTE, "a netlink socket for links and routes"),
            Subsystem::Netfilter => (NETLINK_NETFILTER, "a netlink socket for netfilter"),
            Subsystem::Sockets => (NETLINK_SOCK_DIAG, "a netlink socket for sockets"),
        };
        let explains = protocol == NETLINK_NETFILTER;
        let inner =
            connect(protocol, explains).map_err(|error| Cause::Io(error).during("open", name))?;
        Ok(Self { inner, writer: Writer::new(), received: Buffer::new(), sequence: 0, explains })
    }

    /// Closes the socket without waiting for the kernel's cleanup.
    pub(crate) fn close_in_background(self) {
        close::close_in_background(self.inner);
    }

    /// Sends a request, passes every reply to `each`, and returns when the kernel has acknowledged
    /// it.
    pub fn request(
        &mut self,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Body<'_>),
        each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Cause> {
        let flags = flags | flag::REQUEST | flag::ACK;
        // A lookup is refused only if there is nothing to find, which needs no explanation.
        if !self.explains {
            explain_refusals(&self.inner);
            self.explains = true;
        }
        self.send(kind, flags, fill)?;
        self.collect(each).map(|_| ())
    }

    /// Reads a list and collects what `select` returns for each message.
    ///
    /// If the kernel reports that the list changed while it was read, it is read again, so `select`
    /// may see an object more than once.
    ///
    /// # Errors
    /// [`Cause::DumpInterrupted`] if the list changes during several attempts.
    pub fn list<T>(
        &mut self,
        kind: u16,
        fill: impl Fn(&mut Body<'_>),
        mut select: impl FnMut(Message<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Cause> {
        for _ in 0..ATTEMPTS {
            let mut found = Vec::new();
            self.send(kind, flag::REQUEST | flag::DUMP, &fill)?;
            let is_consistent = self.collect(|message| {
                found.extend(select(message)?);
                Ok(())
            })?;
            if is_consistent {
                return Ok(found);
            }
        }
        Err(Cause::DumpInterrupted(ATTEMPTS))
    }

    fn send(
        &mut self,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Body<'_>),
    ) -> Result<(), Cause> {
        self.sequence = self.sequence.wrapping_add(1);
        self.writer.clear();
        self.writer.message(kind, flags, self.sequence, fill);
        let datagram = self.writer.datagram()?;
        retried(|| self.inner.send(datagram, 0)).map_err(Cause::Io)?;
        Ok(())
    }

    /// Reads all replies to the last request. Returns `false` if they are inconsistent because the
    /// list changed meanwhile.
    ///
    /// After a malformed reply it still reads to the end, so that the socket remains usable.
    fn collect(
        &mut self,
        mut each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, Cause> {
        let mut replies = Replies { sequence: self.sequence, is_consistent: true, fault: None };
        loop {
            receive(&self.inner, &mut self.received)?;
            for message in Messages::new(&self.received) {
                if replies.take(message?, &mut each)? {
                    return replies
                        .fault
                        .map_or(Ok(replies.is_consistent), |fault| Err(fault.into()));
                }
            }
        }
    }
}

/// The state of the replies to one request.
struct Replies {
    sequence: u32,
    is_consistent: bool,
    fault: Option<Malformed>,
}

impl Replies {
    /// Handles one message and returns `true` after the last. Replies to earlier requests are
    /// skipped.
    fn take(
        &mut self,
        message: Message<'_>,
        each: &mut impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, Cause> {
        if message.sequence != self.sequence || message.kind == kind::NOOP {
            return Ok(false);
        }
        self.is_consistent &= message.flags & flag::DUMP_INTERRUPTED == 0;
        if matches!(message.kind, kind::ERROR | kind::DONE) {
            return message.refusal()?.map_or(Ok(true), |refusal| Err(Cause::Refused(refusal)));
        }
        if self.fault.is_none() {
            self.fault = each(message).err();
        }
        Ok(false)
    }
}

fn connect(protocol: isize, explains: bool) -> io::Result<netlink_sys::Socket> {
    let socket = netlink_sys::Socket::new(protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    if explains {
        explain_refusals(&socket);
    }
    Ok(socket)
}

/// Has the kernel explain its refusals. Kernels before 4.12 don't.
fn explain_refusals(socket: &netlink_sys::Socket) {
    let _ = socket.set_ext_ack(true);
    let _ = socket.set_cap_ack(true);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Message<'_> {
        Message { kind, flags, sequence, payload }
    }

    fn replies() -> Replies {
        Replies { sequence: 7, is_consistent: true, fault: None }
    }

    #[test]
    fn replies_to_other_requests_are_skipped() {
        let mut seen = 0;
        let mut each = |_: Message<'_>| {
            seen += 1;
            Ok(())
        };
        let mut replies = replies();
        assert!(!replies.take(message(20, 0, 6, &[]), &mut each).expect("no error"));
        assert!(!replies.take(message(kind::DONE, 0, 6, &[0; 4]), &mut each).expect("no error"));
        assert!(!replies.take(message(20, 0, 7, &[]), &mut each).expect("no error"));
        assert!(replies.take(message(kind::DONE, 0, 7, &[0; 4]), &mut each).expect("no error"));
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_list_that_changed_meanwhile_is_inconsistent_whichever_message_reports_it() {
        for interrupted in [None, Some(20), Some(kind::DONE)] {
            let mut replies = replies();
            for kind in [20, kind::DONE] {
                let flags = if Some(kind) == interrupted { flag::DUMP_INTERRUPTED } else { 0 };
                let _ = replies.take(message(kind, flags, 7, &[0; 4]), &mut |_| Ok(()));
            }
            assert_eq!(replies.is_consistent, interrupted.is_none(), "{interrupted:?}");
        }
    }

    #[test]
    fn an_error_at_the_end_of_a_list_is_an_error() {
        let code = (-12_i32).to_ne_bytes();
        let taken = replies().take(message(kind::DONE, 0, 7, &code), &mut |_| Ok(()));
        assert!(matches!(taken, Err(Cause::Refused(refusal)) if refusal.errno == 12));
    }

    #[test]
    fn after_a_malformed_reply_the_rest_is_skipped() {
        let mut replies = replies();
        let mut faulty = |_: Message<'_>| Err(Malformed("x"));
        assert!(!replies.take(message(20, 0, 7, &[]), &mut faulty).expect("continues"));
        let mut never = |_: Message<'_>| panic!("called after a malformed reply");
        assert!(!replies.take(message(20, 0, 7, &[]), &mut never).expect("continues"));
        assert!(replies.take(message(kind::DONE, 0, 7, &[0; 4]), &mut never).expect("the end"));
        assert_eq!(replies.fault, Some(Malformed("x")));
    }
}
