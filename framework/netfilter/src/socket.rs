//! The socket: requests, their acknowledgements, and lists.

use std::io;
use std::time::Duration;

use netlink_sys::constants::{NETLINK_NETFILTER, NETLINK_ROUTE};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::attribute::Body;
use crate::message::{Message, Messages, Writer, flag, kind};
use crate::{Cause, Error, Malformed, errno};

mod several;

pub(crate) use several::{Outcome, Series};

/// The kernel puts at most 32 KiB into one datagram of a list; twice that also holds every single answer.
const RECEIVE: usize = 64 * 1024;
/// `recv`: report the datagram's true length even when the buffer was shorter.
const MSG_TRUNC: i32 = 0x20;
/// The kernel answers inside `send`, so this long wait means that it never will.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a list is read again because it changed while it was read.
const ATTEMPTS: usize = 16;

/// A part of the kernel that speaks netlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        crate::linger::close_later(self.inner);
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
    /// may see a thing more than once; after several attempts [`Cause::KeepsChanging`].
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
        Err(Cause::KeepsChanging(ATTEMPTS))
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

/// Receives one datagram of the kernel; those of other processes are dropped.
fn receive(socket: &netlink_sys::Socket, buffer: &mut Vec<u8>) -> Result<(), Cause> {
    receive_with(socket, buffer, MSG_TRUNC).map_err(Cause::from)
}

/// As [`receive`], with the flags of `recv`, [`MSG_TRUNC`] among them.
fn receive_with(
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
enum Silence {
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
            Silence::Nothing => Self::NoAnswer(PATIENCE),
            Silence::Lost => Self::Io(io::Error::from_raw_os_error(errno::ENOBUFS)),
            Silence::Fault(cause) => cause,
        }
    }
}

fn retried<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
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
        for interrupted in [20, kind::DONE] {
            let mut answers = answers();
            for kind in [20, kind::DONE] {
                let flags = if kind == interrupted { flag::DUMP_INTERRUPTED } else { 0 };
                let _ = answers.take(message(kind, flags, 7, &[0; 4]), &mut |_| Ok(()));
            }
            assert!(!answers.whole, "{interrupted}");
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
