//! A process in the background: started, and later waited for or killed.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::run::{Ended, Limits, Running, Stdin};
use crate::outcome::Outcome;

/// How long helper programs that must succeed may take on a busy machine.
pub(crate) const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// A started process whose streams are served by a thread. Dropping it kills the process.
#[derive(Debug)]
pub struct RunningProcess {
    id: u32,
    pidfd: OwnedFd,
    ended: Receiver<io::Result<Ended>>,
    started: Instant,
}

impl RunningProcess {
    /// Starts `command`. `stdin` is written through a pipe if given; otherwise the command's
    /// setting for standard input is unchanged.
    pub fn start(mut command: Command, stdin: Option<Vec<u8>>) -> io::Result<Self> {
        let started = Instant::now();
        pipe(&mut command, stdin.is_some());
        Self::of(command.spawn()?, stdin, started)
    }

    /// Reads the outputs of a process that was started with pipes, and writes `stdin` to it.
    pub(crate) fn of(child: Child, stdin: Option<Vec<u8>>, started: Instant) -> io::Result<Self> {
        let id = child.id();
        let running = Running::new(child, stdin.map(Stdin::Bytes).as_ref(), usize::MAX)?;
        let pidfd = running.pidfd()?;
        let (sender, ended) = channel();
        thread::spawn(move || {
            let limits = Limits { deadline: None, linger: None };
            // Nobody receives it if the process was dropped.
            let _ = sender.send(running.finish(started, limits));
        });
        Ok(Self { id, pidfd, ended, started })
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the process has exited, for at most `time`; returns whether it has.
    pub fn exits_within(&self, time: Duration) -> bool {
        exits_within(&self.pidfd, time)
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) {
        // Fails only if the process has already exited.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Waits until the process has exited and both outputs are closed, as runtimes do.
    ///
    /// Kills the process and returns `None` if that takes longer than `limit`.
    pub fn finish(self, limit: Duration) -> Option<Outcome> {
        let remaining = (self.started + limit).saturating_duration_since(Instant::now());
        let ended = self.ended.recv_timeout(remaining).ok()?.ok()?;
        Some(Outcome {
            status: ended.status?,
            stdout: text(&ended.stdout),
            stderr: text(&ended.stderr),
            took: ended.took,
        })
    }
}

/// Waits until the process of `pidfd` has exited, for at most `time`; returns whether it has.
pub(crate) fn exits_within(pidfd: &OwnedFd, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&left)) {
            Err(rustix::io::Errno::INTR) => {}
            exited => return exited.is_ok_and(|count| count > 0),
        }
    }
}

/// Replaces bytes that are not UTF-8.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        self.kill();
        // The thread reaps it; here it suffices that it no longer runs.
        let _ = poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], None);
    }
}

/// Connects both outputs, and standard input if it is to be written, to pipes.
pub(crate) fn pipe(command: &mut Command, stdin: bool) {
    if stdin {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
}
