//! Several messages in one datagram: transactions and pipelined requests.

use std::io;
use std::os::fd::AsFd;

use rustix::net::sockopt;

use crate::attribute::Body;
use crate::error::{Cause, Malformed, Refusal, errno};
use crate::message::{Message, Messages, Writer, flag, kind};
use crate::socket::Socket;
use crate::socket::receive::{MSG_TRUNC, ReceiveError, receive, receive_with, retried};

/// Flag of `recv`: do not block.
const MSG_DONTWAIT: i32 = 0x40;
/// An upper bound of the kernel's own overhead in a send buffer.
const OVERHEAD: usize = 512;

/// A sequence of messages that is sent as one datagram.
pub(crate) struct Batch<'a> {
    writer: &'a mut Writer,
    first: u32,
    count: u32,
    last: usize,
}

/// The outcome of a transaction.
pub(crate) enum Outcome {
    /// The transaction was committed.
    Done,
    /// The transaction was aborted because the kernel refused the message with this number, counted
    /// from 0.
    Refused(usize, Refusal),
}

impl Batch<'_> {
    /// Appends a message.
    pub(crate) fn message(&mut self, kind: u16, flags: u16, fill: impl FnOnce(&mut Body<'_>)) {
        self.last = self.writer.len();
        let sequence = self.first.wrapping_add(self.count);
        self.writer.message(kind, flags | flag::REQUEST, sequence, fill);
        self.count += 1;
    }

    /// Requests an acknowledgement of the last message, and returns its number.
    fn acknowledged(&mut self) -> u32 {
        self.writer.add_flags(self.last, flag::ACK);
        self.count.saturating_sub(1)
    }
}

impl Socket {
    fn batch(&mut self) -> Batch<'_> {
        self.writer.clear();
        let first = self.sequence.wrapping_add(1);
        Batch { writer: &mut self.writer, first, count: 0, last: 0 }
    }

    /// Sends a transaction: the messages that `changes` writes, followed by the message of `end`,
    /// which has no reply.
    pub(crate) fn transact(
        &mut self,
        changes: impl FnOnce(&mut Batch<'_>),
        end: impl FnOnce(&mut Batch<'_>),
    ) -> Result<Outcome, Cause> {
        let mut batch = self.batch();
        changes(&mut batch);
        let awaited = batch.acknowledged();
        end(&mut batch);
        let (first, count) = (batch.first, batch.count);
        self.sequence = self.sequence.wrapping_add(count);
        self.send_whole()?;
        self.outcome(first, awaited)
    }

    /// Returns the datagram that was sent last.
    pub(crate) fn sent(&self) -> &[u8] {
        self.writer.datagram().unwrap_or_default()
    }

    /// Reads the outcome of a transaction.
    ///
    /// The kernel has queued all replies when `send` returns: one for each message that it refuses
    /// and one for the last message, unless it refused the beginning. Once a message was refused
    /// there is therefore nothing to wait for.
    fn outcome(&mut self, first: u32, awaited: u32) -> Result<Outcome, Cause> {
        let mut refused: Option<(u32, Refusal)> = None;
        loop {
            match receive_with(&self.inner, &mut self.received, MSG_TRUNC | MSG_DONTWAIT) {
                Err(ReceiveError::WouldBlock) if refused.is_some() => break,
                // After a large number of refusals.
                Err(ReceiveError::Overflow) => continue,
                Err(ReceiveError::WouldBlock) => receive(&self.inner, &mut self.received)?,
                other => other?,
            }
            for message in Messages::new(&self.received) {
                let message = message?;
                let number = message.sequence.wrapping_sub(first);
                if number > awaited || message.kind != kind::ERROR {
                    continue;
                }
                if let Some(refusal) = message.refusal()? {
                    refused.get_or_insert((number, refusal));
                }
                if number == awaited {
                    return Ok(ended(refused));
                }
            }
        }
        Ok(ended(refused))
    }

    /// Sends a request that has exactly one reply, and returns what `read` makes of it.
    ///
    /// The reply is the acknowledgement, too: none is requested, which would be one more datagram
    /// to receive.
    pub(crate) fn ask_one<T>(
        &mut self,
        kind: u16,
        fill: impl Fn(&mut Body<'_>),
        read: impl Fn(Message<'_>) -> Result<T, Malformed>,
    ) -> Result<T, Cause> {
        let mut answer = None;
        self.ask(
            kind,
            1,
            |_, body| fill(body),
            |_, reply| {
                answer = Some(read(reply.map_err(Cause::Refused)?)?);
                Ok(())
            },
        )?;
        answer.ok_or(Malformed("a reply is missing").into())
    }

    /// Sends a request, which has a reply only if it is refused, and in the same datagram one that
    /// has exactly one reply. Returns the refusal of the first, and what `read` makes of the reply.
    pub(crate) fn ask_after<T>(
        &mut self,
        first: (u16, impl Fn(&mut Body<'_>)),
        second: (u16, impl Fn(&mut Body<'_>)),
        read: impl Fn(Message<'_>) -> Result<T, Malformed>,
    ) -> Result<(Option<Refusal>, T), Cause> {
        let mut batch = self.batch();
        batch.message(first.0, 0, first.1);
        batch.message(second.0, 0, second.1);
        let (number, count) = (batch.first, batch.count);
        self.sequence = self.sequence.wrapping_add(count);
        self.send_whole()?;
        let mut refused = None;
        loop {
            receive(&self.inner, &mut self.received)?;
            for message in Messages::new(&self.received) {
                let message = message?;
                match message.sequence.wrapping_sub(number) {
                    0 => refused = message.refusal()?,
                    1 => {
                        let reply = reply_or_refusal(message)?.map_err(Cause::Refused)?;
                        return Ok((refused, read(reply)?));
                    }
                    _ => {}
                }
            }
        }
    }

    /// Sends `count` requests in one datagram, and passes each reply to `each` with the number of
    /// its request.
    ///
    /// All replies must fit the receive buffer, since the kernel queues them before one is read.
    pub(crate) fn ask(
        &mut self,
        kind: u16,
        count: usize,
        mut fill: impl FnMut(usize, &mut Body<'_>),
        mut each: impl FnMut(usize, Result<Message<'_>, Refusal>) -> Result<(), Cause>,
    ) -> Result<(), Cause> {
        let mut batch = self.batch();
        (0..count).for_each(|number| batch.message(kind, 0, |body| fill(number, body)));
        let (first, written) = (batch.first, batch.count);
        self.sequence = self.sequence.wrapping_add(written);
        self.send_whole()?;
        let (mut missing, mut fault) = (count, None);
        while missing > 0 {
            if let Err(cause) = receive(&self.inner, &mut self.received) {
                self.discard();
                return Err(cause);
            }
            for message in Messages::new(&self.received) {
                let message = message?;
                let number = message.sequence.wrapping_sub(first) as usize;
                if number >= count {
                    continue;
                }
                missing = missing.saturating_sub(1);
                let outcome = reply_or_refusal(message).and_then(|reply| each(number, reply));
                fault = fault.or(outcome.err());
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Discards the remaining replies to make room for the next ones.
    fn discard(&mut self) {
        let flags = MSG_TRUNC | MSG_DONTWAIT;
        while let Ok(()) | Err(ReceiveError::Overflow) =
            receive_with(&self.inner, &mut self.received, flags)
        {}
    }

    /// Sends the datagram, with a larger send buffer if necessary.
    fn send_whole(&mut self) -> Result<(), Cause> {
        let datagram = self.writer.datagram()?;
        let send = || retried(|| self.inner.send(datagram, 0));
        match send() {
            Err(error) if error.raw_os_error() == Some(errno::EMSGSIZE) => {}
            sent => return sent.map(drop).map_err(Cause::Io),
        }
        let bytes = datagram.len() + OVERHEAD;
        make_room(&self.inner, bytes).map_err(Cause::Io)?;
        let Err(error) = send() else { return Ok(()) };
        if error.raw_os_error() != Some(errno::EMSGSIZE) {
            return Err(Cause::Io(error));
        }
        let limit = sockopt::socket_send_buffer_size(&self.inner).unwrap_or_default();
        Err(Cause::ExceedsSendBuffer { bytes, limit })
    }
}

/// Returns a reply, or the refusal.
fn reply_or_refusal(message: Message<'_>) -> Result<Result<Message<'_>, Refusal>, Cause> {
    if message.kind != kind::ERROR {
        return Ok(Ok(message));
    }
    let refusal = message.refusal()?;
    refusal.map(Err).ok_or(Malformed("an acknowledgement instead of a reply").into())
}

fn ended(refused: Option<(u32, Refusal)>) -> Outcome {
    match refused {
        Some((number, refusal)) => Outcome::Refused(number as usize, refusal),
        None => Outcome::Done,
    }
}

/// Enlarges the send buffer, beyond the system's limit if this process may do that.
fn make_room(socket: &impl AsFd, bytes: usize) -> io::Result<()> {
    sockopt::set_socket_send_buffer_size_force(socket, bytes)
        .or_else(|_| sockopt::set_socket_send_buffer_size(socket, bytes))?;
    Ok(())
}
