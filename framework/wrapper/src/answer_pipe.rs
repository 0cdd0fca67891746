//! The stdout of the process, which is kept for the answer.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
};

use rustix::{io::fcntl_dupfd_cloexec, stdio};

use crate::reply::Reply;

/// Where the answer is written: a private descriptor of what was stdout.
///
/// Hooks, libraries and programs that they start may print. Their output would be part of the
/// protocol, so descriptor 1 refers to stderr while they run. The private descriptor is closed in
/// every program that is executed.
pub(crate) struct AnswerPipe(Option<File>);

impl AnswerPipe {
    /// Keeps stdout for the answer. What is printed from now on is written to stderr.
    pub(crate) fn take() -> Self {
        // Above the three descriptors that have a meaning.
        let Ok(kept) = fcntl_dupfd_cloexec(stdio::stdout(), 3) else {
            return Self(None); // no descriptor is left: better a shared stdout than no answer
        };
        match stdio::dup2_stdout(stdio::stderr()) {
            Ok(()) => Self(Some(kept.into())),
            Err(_) => Self(None),
        }
    }

    /// Returns the private descriptor, or that of stdout.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.0.as_ref().map_or(1, AsRawFd::as_raw_fd)
    }

    /// Writes the answer.
    ///
    /// # Errors
    ///
    /// The pipe is closed, or the file system is full.
    pub(crate) fn write(&self, reply: &Reply) -> io::Result<()> {
        match &self.0 {
            Some(file) => reply.write(file),
            None => reply.write(io::stdout().lock()),
        }
    }
}
