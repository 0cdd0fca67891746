//! Our ends of a process's pipes, which are non-blocking.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::{Errno, ioctl_fionbio, read, write};

use super::run::Stdin;

/// The usual limit of each output in bytes; the rest is read and discarded.
pub(super) const OUTPUT_LIMIT: usize = 4 << 20;

/// The pause after each piece of an input that is written in pieces.
const PAUSE: Duration = Duration::from_millis(5);

/// The standard input of a process while there is something left to write.
pub(super) struct Input {
    pipe: OwnedFd,
    bytes: Vec<u8>,
    written: usize,
    /// How much is written at once.
    piece: usize,
    paused_until: Option<Instant>,
}

/// Whether there is more input to write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Done,
}

impl Progress {
    pub(super) fn is_done(self) -> bool {
        self == Self::Done
    }
}

impl Input {
    pub(super) fn new(pipe: OwnedFd, stdin: &Stdin) -> std::io::Result<Self> {
        ioctl_fionbio(&pipe, true)?;
        let (bytes, piece) = match stdin {
            Stdin::Bytes(bytes) => (bytes.clone(), usize::MAX),
            Stdin::Pieces(bytes, size) => (bytes.clone(), *size),
            Stdin::File(_) | Stdin::Unreadable => (Vec::new(), usize::MAX),
        };
        Ok(Self { pipe, bytes, written: 0, piece, paused_until: None })
    }

    pub(super) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Returns what to poll for; `None` during a pause.
    pub(super) fn awaited(&self) -> Option<PollFd<'_>> {
        self.paused_until.is_none().then(|| PollFd::new(&self.pipe, PollFlags::OUT))
    }

    /// Writes as much as the pipe accepts.
    pub(super) fn serve(&mut self) -> Progress {
        if self.paused_until.is_some_and(|until| Instant::now() < until) {
            return Progress::Pending;
        }
        self.paused_until = None;
        while self.written < self.bytes.len() {
            // A partly written piece is finished first.
            let end = (self.written / self.piece + 1).saturating_mul(self.piece);
            let end = end.min(self.bytes.len());
            match write(&self.pipe, &self.bytes[self.written..end]) {
                Ok(length) => self.written += length,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Progress::Pending,
                // The process has closed its input.
                Err(_) => return Progress::Done,
            }
            if self.written == end && end < self.bytes.len() {
                self.paused_until = Some(Instant::now() + PAUSE);
                return Progress::Pending;
            }
        }
        Progress::Done
    }
}

/// An output of a process, and its content so far.
pub(super) struct Output {
    pipe: Option<OwnedFd>,
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    pub(super) fn new(pipe: Option<OwnedFd>, limit: usize) -> std::io::Result<Self> {
        if let Some(pipe) = &pipe {
            ioctl_fionbio(pipe, true)?;
        }
        Ok(Self { pipe, bytes: Vec::new(), limit })
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    pub(super) fn awaited(&self) -> Option<PollFd<'_>> {
        self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN))
    }

    /// Reads the available output, bounded, since a process may print without end.
    pub(super) fn serve(&mut self) {
        const BUFFERS: usize = 16;
        let mut buffer = [0; 16384];
        for _ in 0..BUFFERS {
            let Some(pipe) = &self.pipe else { return };
            match read(pipe, &mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(length) => {
                    let room = self.limit.saturating_sub(self.bytes.len()).min(length);
                    self.bytes.extend_from_slice(&buffer[..room]);
                }
                Err(Errno::INTR) => (),
                Err(Errno::AGAIN) => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
