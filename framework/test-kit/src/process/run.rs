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
use wait4::{ResUse, Wait4};

use super::stream::{Input, OUTPUT_LIMIT, Output};

/// How long outputs may stay open after the process has exited, held by a process that it left
/// behind.
const LINGER: Duration = Duration::from_secs(1);

/// The standard input of a process.
#[derive(Clone, Debug)]
pub enum Stdin {
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
#[non_exhaustive]
pub enum Sink {
    /// A pipe to this process.
    Kept,
    /// A full disk (`/dev/full`).
    Full,
    /// A descriptor on which every write fails.
    Unwritable,
}

/// A process that has exited, or that was killed at its deadline.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// Its exit status; `None` if it was killed at its deadline.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// Whether an output was still open after the process had exited, held by another process.
    pub held_open: bool,
    /// The time from its start until it had exited and its outputs were closed.
    pub took: Duration,
    /// The CPU time of the process and of the children that it waited for.
    pub cpu: Duration,
}

/// The standard streams that a process is started with.
pub struct Streams([Stdio; 3]);

impl Streams {
    /// Sets them for the process that `command` starts.
    pub fn into(self, command: &mut Command) {
        let [stdin, stdout, stderr] = self.0;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
    }
}

/// Runs the process that `start` starts until it exits, for at most `limit`.
///
/// # Errors
/// If it cannot be started or waited for.
pub fn run(
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
    let limits = Limits { deadline: Some(started + limit), linger: Some(LINGER) };
    Running::new(child, Some(stdin), OUTPUT_LIMIT)?.finish(started, limits)
}

fn stdio(sink: Sink) -> io::Result<Stdio> {
    Ok(match sink {
        Sink::Kept => Stdio::piped(),
        Sink::Full => OpenOptions::new().write(true).open("/dev/full")?.into(),
        Sink::Unwritable => File::open("/dev/null")?.into(),
    })
}

/// Why the streams of a process are no longer served.
#[derive(PartialEq, Eq)]
enum End {
    /// It has exited, and its outputs are closed.
    Closed,
    /// It has exited, and another process holds an output open.
    HeldOpen,
    /// Its deadline has passed.
    Overdue,
}

/// Until when the streams of a process are served.
pub(super) struct Limits {
    /// When the process is killed.
    pub(super) deadline: Option<Instant>,
    /// How long outputs may stay open after the process has exited.
    pub(super) linger: Option<Duration>,
}

/// A process with its streams, all served by one thread: a run of the harness starts thousands of
/// processes, and extra threads would cost as much as some of the plugins.
pub(super) struct Running {
    child: Child,
    /// Readable when the process has exited.
    pidfd: OwnedFd,
    input: Option<Input>,
    outputs: [Output; 2],
    exited: Option<(Instant, ResUse)>,
}

impl Running {
    /// Takes the pipes of a child; its standard input only if there is something to write.
    pub(super) fn new(
        mut child: Child,
        stdin: Option<&Stdin>,
        output_limit: usize,
    ) -> io::Result<Self> {
        let pid = Pid::from_child(&child);
        let input = match stdin {
            Some(stdin) => {
                child.stdin.take().map(|pipe| Input::new(pipe.into(), stdin)).transpose()?
            }
            None => None,
        };
        let outputs = [
            Output::new(child.stdout.take().map(Into::into), output_limit)?,
            Output::new(child.stderr.take().map(Into::into), output_limit)?,
        ];
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { child, pidfd, input, outputs, exited: None })
    }

    /// Returns a descriptor that is readable when the process has exited.
    pub(super) fn pidfd(&self) -> io::Result<OwnedFd> {
        self.pidfd.try_clone()
    }

    /// Serves the streams within the limits, and reaps the process.
    pub(super) fn finish(mut self, started: Instant, limits: Limits) -> io::Result<Ended> {
        let end = self.serve(&limits)?;
        let usage = match self.exited.take() {
            Some((_, usage)) => usage,
            None => {
                // Fails only if it has just exited.
                let _ = self.child.kill();
                self.child.wait4()?
            }
        };
        Ok(Ended {
            status: (end != End::Overdue).then_some(usage.status),
            stdout: self.outputs[0].take(),
            stderr: self.outputs[1].take(),
            held_open: end != End::Closed && self.outputs.iter().any(Output::is_open),
            took: started.elapsed(),
            cpu: usage.rusage.utime + usage.rusage.stime,
        })
    }

    /// Serves the streams until the process has exited and they are closed, or a limit has passed.
    fn serve(&mut self, limits: &Limits) -> io::Result<End> {
        loop {
            let open = self.outputs.iter().any(Output::is_open);
            let now = Instant::now();
            let until = match &self.exited {
                Some(_) if !open => return Ok(End::Closed),
                Some((exited, _)) => limits.linger.map(|linger| *exited + linger),
                None => limits.deadline,
            };
            if until.is_some_and(|until| now >= until) {
                return Ok(if self.exited.is_some() { End::HeldOpen } else { End::Overdue });
            }
            let pause = self.input.as_ref().and_then(Input::paused_until);
            let next = pause.into_iter().chain(until).min();
            self.wait(next.map(|next| next.saturating_duration_since(now)))?;
        }
    }

    /// Waits for at most `limit` until a stream is ready, and serves it.
    fn wait(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let mut fds = Vec::with_capacity(4);
        if self.exited.is_none() {
            fds.push(PollFd::new(&self.pidfd, PollFlags::IN));
        }
        fds.extend(self.outputs.iter().filter_map(Output::awaited));
        fds.extend(self.input.iter().filter_map(Input::awaited));
        let limit = limit.map(|limit| Timespec {
            tv_sec: limit.as_secs() as i64,
            tv_nsec: limit.subsec_nanos().into(),
        });
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(error) => return Err(error.into()),
        }
        let has_exited = self.exited.is_none() && !fds[0].revents().is_empty();
        drop(fds);
        if has_exited {
            self.exited = Some((Instant::now(), self.child.wait4()?));
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
        let directory = crate::TempDir::new();
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
        let script = format!("head -c {} /dev/zero", OUTPUT_LIMIT + 100_000);
        let ended = sh(&script, Stdin::Bytes(Vec::new()), KEEP, 60_000);
        assert_eq!((code(&ended), ended.stdout.len()), (Some(0), OUTPUT_LIMIT));
    }
}
