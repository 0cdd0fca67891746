//! Runs a command until it exits, with a deadline, and captures its output.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::outcome::Outcome;

/// How long helper programs that must succeed may take on a busy machine.
pub(crate) const HELPER_TIMEOUT: Duration = Duration::from_secs(30);

/// A started process whose outputs are being read. Dropping it kills the process.
#[derive(Debug)]
pub struct RunningProcess {
    child: Child,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
    started: Instant,
}

impl RunningProcess {
    /// Starts `command`. `stdin` is written through a pipe if given; otherwise the command's
    /// setting for standard input is unchanged.
    pub fn start(mut command: Command, stdin: Option<Vec<u8>>) -> io::Result<Self> {
        let started = Instant::now();
        pipe(&mut command, stdin.is_some());
        Ok(Self::of(command.spawn()?, stdin, started))
    }

    /// Reads the outputs of a process that was started with pipes, and writes `stdin` to it.
    pub(crate) fn of(mut child: Child, stdin: Option<Vec<u8>>, started: Instant) -> Self {
        if let (Some(text), Some(mut pipe)) = (stdin, child.stdin.take()) {
            // A process may close its input early.
            thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        Self { child, stdout, stderr, started }
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) {
        // Fails only if the process has already exited.
        let _ = self.child.kill();
    }

    /// Waits until the process has exited and both outputs are closed, as runtimes do.
    ///
    /// Kills the process and returns `None` if that takes longer than `limit`.
    pub fn finish(mut self, limit: Duration) -> Option<Outcome> {
        let deadline = self.started + limit;
        let remaining = || deadline.saturating_duration_since(Instant::now());
        let stdout = self.stdout.recv_timeout(remaining());
        let stderr = self.stderr.recv_timeout(remaining());
        let status = wait_for_exit(&mut self.child, deadline);
        let took = self.started.elapsed();
        match (status, stdout, stderr) {
            (Some(status), Ok(stdout), Ok(stderr)) => {
                let (stdout, stderr) = (text(&stdout), text(&stderr));
                Some(Outcome { status, stdout, stderr, took })
            }
            _ => None,
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
        // Fails only if the process has already been reaped.
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
            // Output that was read before an error still counts.
            let _ = stream.read_to_end(&mut bytes);
        }
        // The receiver is gone once the deadline has passed.
        let _ = sender.send(bytes);
    });
    receiver
}

/// Both outputs are closed by now, so the process is about to exit and this loop is short.
fn wait_for_exit(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(1)),
            _ => return None,
        }
    }
}
