//! Runs one plugin process with a deadline, bounded outputs, and streams that may be broken on
//! purpose.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use wait4::Wait4;

mod stream;

use stream::{Input, Output};

/// How long outputs may stay open after the process has exited, held by a process that it left
/// behind.
const LINGER: Duration = Duration::from_secs(1);

/// The standard input of a process.
#[derive(Clone, Debug)]
pub(crate) enum Stdin {
    /// These bytes, at once.
    Bytes(Vec<u8>),
    /// These bytes in pieces of the given size, with a pause of a few milliseconds after each.
    Pieces(Vec<u8>, usize),
    /// This file; the process gets the file itself, not a pipe.
    File(PathBuf),
    /// A descriptor on which every read fails.
    Unreadable,
}

/// The destination of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// A pipe to the harness.
    Kept,
    /// A full disk (`/dev/full`).
    Full,
    /// A descriptor on which every write fails.
    Unwritable,
}

/// A process that has exited, or that was killed at its deadline.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit status; `None` if it was killed at its deadline.
    pub(crate) status: Option<ExitStatus>,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// Its standard error.
    pub(crate) stderr: Vec<u8>,
    /// Whether an output was still open after the process had exited, held by another process.
    pub(crate) held_open: bool,
    /// The time from its start until it had exited and its outputs were closed.
    pub(crate) took: Duration,
    /// The CPU time of the process and of the children that it waited for.
    pub(crate) cpu: Duration,
}

/// The standard streams that a process is started with.
pub(crate) struct Streams([Stdio; 3]);

impl Streams {
    /// Sets them for the process that `command` starts.
    pub(crate) fn into(self, command: &mut Command) {
        let [stdin, stdout, stderr] = self.0;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
    }
}

/// Runs the process that `start` starts until it exits, for at most `limit`.
///
/// # Errors
/// If it cannot be started or waited for.
pub(crate) fn run(
    stdin: &Stdin,
    sinks: [Sink; 2],
    limit: Duration,
    start: impl FnOnce(Streams) -> io::Result<Child>,
) -> io::Result<Ended> {
    let started = Instant::now();
    let input = match stdin {
        Stdin::Unreadable => OpenOptions::new().write(true).open("/dev/null")?.into(),
        Stdin::File(path) => File::open(path)?.into(),
        Stdin::Bytes(_) | Stdin::Pieces(..) => Stdio::piped(),
    };
    let child = start(Streams([input, stdio(sinks[0])?, stdio(sinks[1])?]))?;
    let mut running = Running::new(child, stdin)?;
    let end = running.serve(started + limit)?;
    if matches!(end, End::Overdue) {
        // Fails only if it has just exited.
        let _ = running.child.kill();
    }
    let reaped = running.child.wait4()?;
    Ok(Ended {
        status: (!matches!(end, End::Overdue)).then_some(reaped.status),
        stdout: running.outputs[0].take(),
        stderr: running.outputs[1].take(),
        held_open: !matches!(end, End::Closed) && running.outputs.iter().any(Output::is_open),
        took: started.elapsed(),
        cpu: reaped.rusage.utime + reaped.rusage.stime,
    })
}

fn stdio(sink: Sink) -> io::Result<Stdio> {
    Ok(match sink {
        Sink::Kept => Stdio::piped(),
        Sink::Full => OpenOptions::new().write(true).open("/dev/full")?.into(),
        Sink::Unwritable => File::open("/dev/null")?.into(),
    })
}

/// Why the harness stops serving the streams of a process.
enum End {
    /// It has exited, and its outputs are closed.
    Closed,
    /// It has exited, and another process holds an output open.
    HeldOpen,
    /// Its deadline has passed.
    Overdue,
}

/// A process with its streams, all served by one thread: a run starts thousands of processes, and
/// extra threads would cost as much as some of the plugins.
struct Running {
    child: Child,
    /// Readable when the process has exited.
    pidfd: OwnedFd,
    input: Option<Input>,
    outputs: [Output; 2],
    ended: Option<Instant>,
}

impl Running {
    fn new(mut child: Child, stdin: &Stdin) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        let input = child.stdin.take().map(|pipe| Input::new(pipe.into(), stdin)).transpose()?;
        let outputs = [
            Output::new(child.stdout.take().map(Into::into))?,
            Output::new(child.stderr.take().map(Into::into))?,
        ];
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { child, pidfd, input, outputs, ended: None })
    }

    /// Serves its streams until it exits or `deadline` has passed.
    fn serve(&mut self, deadline: Instant) -> io::Result<End> {
        loop {
            let open = self.outputs.iter().any(Output::is_open);
            let now = Instant::now();
            let until = match self.ended {
                Some(_) if !open => return Ok(End::Closed),
                Some(ended) if now >= ended + LINGER => return Ok(End::HeldOpen),
                Some(ended) => ended + LINGER,
                None if now >= deadline => return Ok(End::Overdue),
                None => deadline,
            };
            let pause = self.input.as_ref().and_then(Input::paused_until);
            self.wait(pause.map_or(until, |pause| pause.min(until)) - now)?;
        }
    }

    /// Waits for at most `limit` until a stream is ready, and serves it.
    fn wait(&mut self, limit: Duration) -> io::Result<()> {
        let mut fds = Vec::with_capacity(4);
        if self.ended.is_none() {
            fds.push(PollFd::new(&self.pidfd, PollFlags::IN));
        }
        fds.extend(self.outputs.iter().filter_map(Output::awaited));
        fds.extend(self.input.iter().filter_map(Input::awaited));
        let limit =
            Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        match poll(&mut fds, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(error) => return Err(error.into()),
        }
        let has_ended = self.ended.is_none() && !fds[0].revents().is_empty();
        drop(fds);
        if has_ended {
            self.ended = Some(Instant::now());
        }
        self.outputs.iter_mut().for_each(Output::serve);
        // A process need not read its input to the end; its output counts.
        if self.input.as_mut().is_some_and(|input| input.serve().is_done()) {
            self.input = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::stream::KEPT;
    use super::*;

    const KEEP: [Sink; 2] = [Sink::Kept; 2];

    fn sh(script: &str, stdin: Stdin, sinks: [Sink; 2], limit_ms: u64) -> Ended {
        let start = |streams: Streams| {
            let mut command = Command::new("sh");
            streams.into(&mut command);
            command.args(["-c", script]).spawn()
        };
        run(&stdin, sinks, Duration::from_millis(limit_ms), start).unwrap()
    }

    fn code(ended: &Ended) -> Option<i32> {
        ended.status?.code()
    }

    #[test]
    fn a_process_reads_its_whole_input_at_once_or_in_pieces() {
        let text = "0123456789".repeat(10_000).into_bytes();
        let at_once = sh("cat; echo x >&2; exit 3", Stdin::Bytes(text.clone()), KEEP, 60_000);
        assert_eq!((code(&at_once), &at_once.stdout), (Some(3), &text));
        assert_eq!(at_once.stderr, b"x\n");
        let pieces = sh("cat", Stdin::Pieces(text.clone(), 30_000), KEEP, 60_000);
        assert_eq!(pieces.stdout, text);
    }

    #[test]
    fn a_hanging_process_is_killed_at_the_deadline() {
        let ended = sh("echo early; exec sleep 600", Stdin::Bytes(Vec::new()), KEEP, 2000);
        assert!(ended.status.is_none() && ended.took < Duration::from_secs(600));
        assert_eq!(ended.stdout, b"early\n", "the output until then is kept");
    }

    #[test]
    fn a_child_that_holds_an_output_open_is_noticed() {
        let ended = sh("sleep 30 & echo done", Stdin::Bytes(Vec::new()), KEEP, 60_000);
        assert!(ended.held_open && ended.took < Duration::from_secs(30));
        assert_eq!((code(&ended), ended.stdout), (Some(0), b"done\n".to_vec()));
    }

    #[test]
    fn a_file_is_read_as_a_file() {
        let directory = cni_test_kit::TempDir::new();
        let path = directory.path().join("stdin");
        std::fs::write(&path, "text").unwrap();
        let ended = sh("test -f /dev/stdin && cat", Stdin::File(path), KEEP, 60_000);
        assert_eq!((code(&ended), ended.stdout), (Some(0), b"text".to_vec()));
    }

    #[test]
    fn broken_streams_fail() {
        let ended = sh("cat", Stdin::Unreadable, KEEP, 60_000);
        assert!(code(&ended).is_some_and(|code| code != 0), "reading fails");
        let ended = sh("exec echo x", Stdin::Bytes(Vec::new()), [Sink::Full, Sink::Kept], 60_000);
        assert!(code(&ended).is_some_and(|code| code != 0), "writing to a full disk fails");
        let sinks = [Sink::Kept, Sink::Unwritable];
        let ended = sh("echo x >&2 || echo refused", Stdin::Bytes(Vec::new()), sinks, 60_000);
        assert_eq!(ended.stdout, b"refused\n");
    }

    #[test]
    fn a_large_output_is_truncated() {
        let script = format!("head -c {} /dev/zero", KEPT + 100_000);
        let ended = sh(&script, Stdin::Bytes(Vec::new()), KEEP, 60_000);
        assert_eq!((code(&ended), ended.stdout.len()), (Some(0), KEPT));
    }
}
