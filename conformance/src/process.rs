//! Runs one plugin process: with a deadline, bounded outputs, and streams that can be odd on purpose.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// More than this of each output is read, but not kept.
const KEPT: usize = 4 << 20;

/// How long outputs may stay open after the process has ended: a process that it left behind holds them.
const LINGER: Duration = Duration::from_millis(500);

/// What a process reads.
#[derive(Clone, Debug)]
pub(crate) enum Stdin {
    /// These bytes, at once.
    Bytes(Vec<u8>),
    /// These bytes in pieces of the given size, with a pause of a few milliseconds after each.
    Pieces(Vec<u8>, usize),
    /// What stands in this file, which it gets itself, not a pipe.
    File(PathBuf),
    /// Nothing: every read fails, as on a closed descriptor.
    Unreadable,
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// To us.
    Kept,
    /// To a full disk (`/dev/full`).
    Full,
    /// Nowhere: every write fails, as on a closed descriptor.
    Unwritable,
}

/// A process that has ended, or that was ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended; `None` when it did not within its time.
    pub(crate) status: Option<ExitStatus>,
    /// What it printed.
    pub(crate) stdout: Vec<u8>,
    /// What it printed besides.
    pub(crate) stderr: Vec<u8>,
    /// Whether an output was still open when the process had ended: something that it left behind holds it.
    pub(crate) held_open: bool,
    /// From its start until it had ended and its outputs were closed.
    pub(crate) took: Duration,
}

/// What a process is started with: standard input, output and error.
pub(crate) struct Streams([Stdio; 3]);

impl Streams {
    /// Gives them to the process that `command` starts.
    pub(crate) fn into(self, command: &mut Command) {
        let [stdin, stdout, stderr] = self.0;
        command.stdin(stdin).stdout(stdout).stderr(stderr);
    }
}

/// Runs the process that `start` starts to its end, `limit` at most.
///
/// # Errors
/// When it can't be started.
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
        _ => Stdio::piped(),
    };
    let mut child = start(Streams([input, stdio(sinks[0])?, stdio(sinks[1])?]))?;
    feed(&mut child, stdin);
    let outputs = [Output::of(child.stdout.take()), Output::of(child.stderr.take())];
    let (status, held_open) = wait(&mut child, &outputs, started + limit)?;
    let [stdout, stderr] = outputs.map(|output| output.so_far());
    Ok(Ended { status, stdout, stderr, held_open, took: started.elapsed() })
}

fn stdio(sink: Sink) -> io::Result<Stdio> {
    Ok(match sink {
        Sink::Kept => Stdio::piped(),
        Sink::Full => OpenOptions::new().write(true).open("/dev/full")?.into(),
        Sink::Unwritable => File::open("/dev/null")?.into(),
    })
}

fn feed(child: &mut Child, stdin: &Stdin) {
    let Some(mut pipe) = child.stdin.take() else { return };
    let (bytes, size) = match stdin {
        Stdin::Bytes(bytes) => (bytes.clone(), bytes.len().max(1)),
        Stdin::Pieces(bytes, size) => (bytes.clone(), *size),
        Stdin::File(_) | Stdin::Unreadable => return,
    };
    thread::spawn(move || {
        let pause = Duration::from_millis(if size < bytes.len() { 5 } else { 0 });
        for piece in bytes.chunks(size) {
            // A process that does not read its input to the end is judged by what it answers.
            if pipe.write_all(piece).is_err() {
                break;
            }
            thread::sleep(pause);
        }
    });
}

fn wait(
    child: &mut Child,
    outputs: &[Output; 2],
    deadline: Instant,
) -> io::Result<(Option<ExitStatus>, bool)> {
    let mut ended = None;
    loop {
        if ended.is_none() {
            ended = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        let closed = outputs.iter().all(Output::is_closed);
        match ended {
            Some((status, _)) if closed => return Ok((Some(status), false)),
            Some((status, at)) if at.elapsed() > LINGER => return Ok((Some(status), true)),
            None if Instant::now() > deadline => {
                // An error means that it has ended in this moment.
                let _ = child.kill();
                child.wait()?;
                return Ok((None, !closed));
            }
            _ => thread::sleep(Duration::from_micros(500)),
        }
    }
}

/// An output that is being read.
struct Output {
    shared: Arc<Mutex<(Vec<u8>, bool)>>,
}

impl Output {
    fn of(stream: Option<impl Read + Send + 'static>) -> Self {
        let shared = Arc::new(Mutex::new((Vec::new(), stream.is_none())));
        if let Some(stream) = stream {
            let shared = shared.clone();
            thread::spawn(move || collect(stream, &shared));
        }
        Self { shared }
    }

    fn is_closed(&self) -> bool {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn so_far(&self) -> Vec<u8> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

fn collect(mut stream: impl Read, shared: &Mutex<(Vec<u8>, bool)>) {
    let mut buffer = [0; 16384];
    loop {
        let read = stream.read(&mut buffer);
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(length) if length > 0 => {
                let room = KEPT.saturating_sub(shared.0.len()).min(length);
                shared.0.extend_from_slice(&buffer[..room]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            // The end, or what comes to the same.
            _ => {
                shared.1 = true;
                return;
            }
        }
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
    fn a_process_reads_all_its_input_at_once_or_in_pieces() {
        let text = "0123456789".repeat(10_000).into_bytes();
        let at_once = sh("cat; echo x >&2; exit 3", Stdin::Bytes(text.clone()), KEEP, 5000);
        assert_eq!((code(&at_once), &at_once.stdout), (Some(3), &text));
        assert_eq!(at_once.stderr, b"x\n");
        let pieces = sh("cat", Stdin::Pieces(text.clone(), 30_000), KEEP, 5000);
        assert_eq!(pieces.stdout, text);
    }

    #[test]
    fn a_hanging_process_is_ended_at_the_deadline() {
        let ended = sh("echo early; exec sleep 60", Stdin::Bytes(Vec::new()), KEEP, 200);
        assert!(ended.status.is_none() && ended.took < Duration::from_secs(10));
        assert_eq!(ended.stdout, b"early\n", "what it printed until then is kept");
    }

    #[test]
    fn a_child_that_holds_an_output_open_is_noticed() {
        let ended = sh("sleep 3 & echo done", Stdin::Bytes(Vec::new()), KEEP, 5000);
        assert!(ended.held_open && ended.took < Duration::from_secs(3));
        assert_eq!((code(&ended), ended.stdout), (Some(0), b"done\n".to_vec()));
    }

    #[test]
    fn a_file_is_read_as_a_file() {
        let path = std::env::temp_dir().join(format!("process-stdin-{}", std::process::id()));
        std::fs::write(&path, "text").unwrap();
        let ended = sh("test -f /dev/stdin && cat", Stdin::File(path.clone()), KEEP, 5000);
        std::fs::remove_file(path).unwrap();
        assert_eq!((code(&ended), ended.stdout), (Some(0), b"text".to_vec()));
    }

    #[test]
    fn odd_streams_are_odd() {
        let ended = sh("cat", Stdin::Unreadable, KEEP, 5000);
        assert!(code(&ended) != Some(0), "reading fails");
        let ended = sh("exec echo x", Stdin::Bytes(Vec::new()), [Sink::Full, Sink::Kept], 5000);
        assert!(code(&ended) != Some(0), "writing to a full disk fails");
        let sinks = [Sink::Kept, Sink::Unwritable];
        let ended = sh("echo x >&2 || echo refused", Stdin::Bytes(Vec::new()), sinks, 5000);
        assert_eq!(ended.stdout, b"refused\n");
    }

    #[test]
    fn an_endless_output_is_not_kept_for_ever() {
        let ended = sh("yes", Stdin::Bytes(Vec::new()), KEEP, 300);
        assert!(ended.stdout.len() <= KEPT);
    }
}
