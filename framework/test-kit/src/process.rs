//! Runs a command to its end, with a deadline, keeping what it printed.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long helper programs that must succeed may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a process left: its status and what it printed.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) took: Duration,
}

/// A started process whose outputs are being read.
pub(crate) struct Running {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    started: Instant,
}

impl Running {
    /// Starts `command`. `stdin` is written through a pipe, if given; else the command's own
    /// setting for standard input stays.
    pub(crate) fn start(mut command: Command, stdin: Option<Vec<u8>>) -> io::Result<Self> {
        let started = Instant::now();
        pipe(&mut command, stdin.is_some());
        Ok(Self::of(command.spawn()?, stdin, started))
    }

    /// Reads the outputs of a process that has been started with pipes, and writes `stdin` to it.
    pub(crate) fn of(mut child: Child, stdin: Option<Vec<u8>>, started: Instant) -> Self {
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A process that closes its input early is no error here.
            thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        Self { child, stdout, stderr, started }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
    }

    /// Waits until it has ended and both outputs are closed, as runtimes do.
    /// `None` when that takes longer than `limit`; then it is killed.
    pub(crate) fn finish(mut self, limit: Duration) -> Option<Finished> {
        let deadline = self.started + limit;
        let remaining = || deadline.saturating_duration_since(Instant::now());
        let stdout = self.stdout.recv_timeout(remaining());
        let stderr = self.stderr.recv_timeout(remaining());
        let status = wait_for_exit(&mut self.child, deadline);
        let took = self.started.elapsed();
        match (status, stdout, stderr) {
            (Some(status), Ok(stdout), Ok(stderr)) => {
                Some(Finished { status, stdout, stderr, took })
            }
            _ => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        // Reaps it; fails only when that has been done.
        let _ = self.child.wait();
    }
}

/// Connects both outputs, and standard input if it is to be written, to pipes.
pub(crate) fn pipe(command: &mut Command, stdin: bool) {
    if stdin {
        command.stdin(Stdio::piped());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
}

fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error still counts.
            let _ = stream.read_to_end(&mut bytes);
        }
        // Nobody listens any more when the deadline has passed.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Both outputs are closed by now, so the process is ending: this loop is short.
fn wait_for_exit(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            _ => return None,
        }
    }
}
