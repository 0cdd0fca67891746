//! The socket: requests, their acknowledgements, and lists.

use std::io;

use netlink_sys::constants::{NETLINK_NETFILTER, NETLINK_ROUTE};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::attribute::Body;
use crate::error::{Cause, Error, Malformed};
use crate::message::{Message, Messages, Writer, flag, kind};

pub(crate) mod batch;
mod close;
mod receive;

use receive::{PATIENCE, receive, retried};

/// The kernel puts at most 32 KiB into one datagram of a list; twice that also holds every single answer.
const RECEIVE: usize = 64 * 1024;
/// How often a list is read again because it changed while it was read.
const ATTEMPTS: usize = 16;

/// A part of the kernel that speaks netlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subsystem {
    /// Links, addresses, routes.
    Route,
    /// Connection tracking, nf_tables.
    Netfilter,
}

/// A netlink socket, for one request at a time, in the network namespace of the thread that opened it.
///
/// Its two buffers are used again for every request.
pub struct Socket {
    inner: netlink_sys::Socket,
    writer: Writer,
    received: Vec<u8>,
    sequence: u32,
}

impl Socket {
    /// Opens a socket to a subsystem.
    pub fn open(subsystem: Subsystem) -> Result<Self, Error> {
        let (protocol, name) = match subsystem {
            Subsystem::Route => (NETLINK_ROUTE, "a netlink socket for links and routes"),
            Subsystem::Netfilter => (NETLINK_NETFILTER, "a netlink socket for netfilter"),
        };
        let inner = connect(protocol).map_err(|error| Cause::Io(error).during("open", name))?;
        let received = Vec::with_capacity(RECEIVE);
        Ok(Self { inner, writer: Writer::new(), received, sequence: 0 })
    }

    /// Closes it without waiting for what the kernel has to do then.
    pub(crate) fn close_later(self) {
        close::close_later(self.inner);
    }

    /// Sends one request, gives every answer to `each`, and returns when the kernel acknowledged it.
    pub fn request(
        &mut self,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Body<'_>),
        each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Cause> {
        let flags = flags | flag::REQUEST | flag::ACK;
        self.send(kind, flags, fill)?;
        self.collect(each).map(|_| ())
    }

    /// Lists: collects what `select` makes of each message.
    ///
    /// When the kernel says that the list changed while it was read, all is read again, so `select`
    /// may see a thing more than once; after several attempts [`Cause::DumpInterrupted`].
    pub fn list<T>(
        &mut self,
        kind: u16,
        fill: impl Fn(&mut Body<'_>),
        mut select: impl FnMut(Message<'_>) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>, Cause> {
        for _ in 0..ATTEMPTS {
            let mut found = Vec::new();
            self.send(kind, flag::REQUEST | flag::DUMP, &fill)?;
            let whole = self.collect(|message| {
                found.extend(select(message)?);
                Ok(())
            })?;
            if whole {
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

    /// Reads the answers to the last request, to their end. False: they are not of one moment.
    ///
    /// After a fault in an answer it still reads to the end, so that the socket stays usable.
    fn collect(
        &mut self,
        mut each: impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, Cause> {
        let mut answers = Answers { sequence: self.sequence, whole: true, fault: None };
        loop {
            receive(&self.inner, &mut self.received)?;
            for message in Messages::new(&self.received) {
                if answers.take(message?, &mut each)? {
                    return answers.fault.map_or(Ok(answers.whole), |fault| Err(fault.into()));
                }
            }
        }
    }
}

/// What is known of the answers to one request so far.
struct Answers {
    sequence: u32,
    whole: bool,
    fault: Option<Malformed>,
}

impl Answers {
    /// Takes one message; true after the last. Answers to earlier requests are passed over.
    fn take(
        &mut self,
        message: Message<'_>,
        each: &mut impl FnMut(Message<'_>) -> Result<(), Malformed>,
    ) -> Result<bool, Cause> {
        if message.sequence != self.sequence || message.kind == kind::NOOP {
            return Ok(false);
        }
        self.whole &= message.flags & flag::DUMP_INTERRUPTED == 0;
        if matches!(message.kind, kind::ERROR | kind::DONE) {
            return message.refusal()?.map_or(Ok(true), |refusal| Err(Cause::Refused(refusal)));
        }
        if self.fault.is_none() {
            self.fault = each(message).err();
        }
        Ok(false)
    }
}

fn connect(protocol: isize) -> io::Result<netlink_sys::Socket> {
    let socket = netlink_sys::Socket::new(protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    // Both only make refusals easier to understand; kernels before 4.12 lack the first.
    let _ = socket.set_ext_ack(true);
    let _ = socket.set_cap_ack(true);
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Message<'_> {
        Message { kind, flags, sequence, payload }
    }

    fn answers() -> Answers {
        Answers { sequence: 7, whole: true, fault: None }
    }

    #[test]
    fn answers_to_other_requests_are_passed_over() {
        let mut seen = 0;
        let mut each = |_: Message<'_>| {
            seen += 1;
            Ok(())
        };
        let mut answers = answers();
        assert!(!answers.take(message(20, 0, 6, &[]), &mut each).expect("no error"));
        assert!(!answers.take(message(kind::DONE, 0, 6, &[0; 4]), &mut each).expect("no error"));
        assert!(!answers.take(message(20, 0, 7, &[]), &mut each).expect("no error"));
        assert!(answers.take(message(kind::DONE, 0, 7, &[0; 4]), &mut each).expect("no error"));
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_list_that_changed_meanwhile_is_not_whole_wherever_the_kernel_says_so() {
        for interrupted in [None, Some(20), Some(kind::DONE)] {
            let mut answers = answers();
            for kind in [20, kind::DONE] {
                let flags = if Some(kind) == interrupted { flag::DUMP_INTERRUPTED } else { 0 };
                let _ = answers.take(message(kind, flags, 7, &[0; 4]), &mut |_| Ok(()));
            }
            assert_eq!(answers.whole, interrupted.is_none(), "{interrupted:?}");
        }
    }

    #[test]
    fn an_error_at_the_end_of_a_list_is_an_error() {
        let code = (-12_i32).to_ne_bytes();
        let taken = answers().take(message(kind::DONE, 0, 7, &code), &mut |_| Ok(()));
        assert!(matches!(taken, Err(Cause::Refused(refusal)) if refusal.errno == 12));
    }

    #[test]
    fn after_a_fault_nothing_more_is_read_but_the_end_is_awaited() {
        let mut answers = answers();
        let mut faulty = |_: Message<'_>| Err(Malformed("x"));
        assert!(!answers.take(message(20, 0, 7, &[]), &mut faulty).expect("goes on"));
        let mut never = |_: Message<'_>| panic!("read on after a fault");
        assert!(!answers.take(message(20, 0, 7, &[]), &mut never).expect("goes on"));
        assert!(answers.take(message(kind::DONE, 0, 7, &[0; 4]), &mut never).expect("the end"));
        assert_eq!(answers.fault, Some(Malformed("x")));
    }
}
