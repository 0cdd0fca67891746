//! What the plugin does in addition to printing an answer.

use std::env;
use std::io::{Error, Read, Write, stderr, stdin, stdout};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread::{park, sleep};
use std::time::Duration;

use cni_test_kit::{Answer, BackgroundChild, Behaviour, Flood, Script, StdinUse, Stream};
use rustix::process::{Signal, getpid, kill_process, setsid};

use crate::answer;
use crate::files::{BACKGROUND, TERM_IGNORED};
use crate::record::{self, Recorder};

/// Performs the call.
pub(crate) fn perform(
    script: &Script,
    program: &Path,
    argv0: &str,
    term_ignored: bool,
) -> ExitCode {
    let verb = env::var_os("CNI_COMMAND").unwrap_or_default().to_string_lossy().into_owned();
    let behaviour = script.behaviour(&verb, record::earlier(program, &verb));
    if behaviour.ignore_term && !term_ignored {
        let error = reexec_ignoring_term(program, argv0);
        return answer::refuse(&format!("can't run env --ignore-signal=TERM: {error}"));
    }
    let mut recorder = Recorder::new(program, &verb, argv0);
    print(&mut stdout(), &vec![b' '; behaviour.padding]);
    let input = read_input(behaviour.stdin);
    if let Err(problem) = recorder.begin(input.as_deref()) {
        return answer::refuse(&problem);
    }
    print(&mut stderr(), behaviour.stderr.as_bytes());
    if let Some(child) = &behaviour.background
        && let Err(error) = leave_child(child)
    {
        return answer::refuse(&format!("can't start the child to leave behind: {error}"));
    }
    sleep(Duration::from_millis(behaviour.slow_ms));
    let status = answer_with(behaviour, &verb, input.as_deref());
    recorder.end();
    ExitCode::from(status)
}

/// Prints the answer or misbehaves; returns the exit status.
fn answer_with(behaviour: &Behaviour, verb: &str, input: Option<&[u8]>) -> u8 {
    let own_status = match &behaviour.answer {
        Answer::Hang => loop {
            park();
        },
        Answer::Crash(signal) => crash(*signal),
        Answer::Flood(flood) => pour(flood),
        printed => {
            let (text, status) = answer::text(printed, verb, input);
            print(&mut stdout(), &text);
            status
        }
    };
    behaviour.exit.unwrap_or(own_status)
}

/// Re-executes the plugin by `env`, which can ignore a signal: no safe function can, and exec keeps
/// the setting.
fn reexec_ignoring_term(program: &Path, argv0: &str) -> Error {
    // By its path, since the caller's PATH may be anything.
    let mut command = Command::new("/usr/bin/env");
    command.arg("--ignore-signal=TERM").arg(program).arg(TERM_IGNORED).arg(argv0).exec()
}

fn read_input(how: StdinUse) -> Option<Vec<u8>> {
    match how {
        StdinUse::Ignore => None,
        StdinUse::Close => {
            // Closes the pipe's last reader, so that its writer gets EPIPE.
            let null = std::fs::File::open("/dev/null").ok()?;
            rustix::stdio::dup2_stdin(null).ok()?;
            None
        }
        // `StdinUse::Read`.
        _ => {
            let mut bytes = Vec::new();
            // What was read before an error counts as the input.
            let _ = stdin().read_to_end(&mut bytes);
            Some(bytes)
        }
    }
}

/// Prints bytes. A caller may have stopped reading.
fn print(stream: &mut dyn Write, bytes: &[u8]) {
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

fn crash(signal: i32) -> u8 {
    let Some(signal) = Signal::from_named_raw(signal) else { return answer::NOT_AS_SCRIPTED };
    // Twice: Rust's handler of SIGSEGV and SIGBUS only resets the signal's action, since it expects
    // the fault to be repeated.
    for _ in 0..2 {
        // A process may always signal itself.
        let _ = kill_process(getpid(), signal);
    }
    answer::NOT_AS_SCRIPTED
}

fn pour(flood: &Flood) -> u8 {
    let chunk = [b'#'; 8192];
    let mut stream: Box<dyn Write> = match flood.stream {
        Stream::Stdout => Box::new(stdout()),
        Stream::Stderr => Box::new(stderr()),
    };
    let mut left = flood.bytes.unwrap_or(u64::MAX);
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        if stream.write_all(&chunk[..length]).is_err() {
            return answer::NOT_AS_SCRIPTED;
        }
        if flood.bytes.is_some() {
            left -= length as u64;
        }
    }
    // Standard output buffers an unfinished line.
    stream.flush().map_or(answer::NOT_AS_SCRIPTED, |()| 0)
}

fn leave_child(child: &BackgroundChild) -> Result<(), Error> {
    let session = if child.own_session { "own" } else { "same" };
    let mut command = Command::new(env::current_exe()?);
    command.args([BACKGROUND, &child.lives_ms.to_string(), session]).stdin(Stdio::null());
    // It is not waited for: it is meant to be left behind.
    command.spawn().map(drop)
}

/// Runs the child that was left behind.
pub(crate) fn run_in_background(lives_ms: &str, session: &str) -> ExitCode {
    if session == "own" && setsid().is_err() {
        return ExitCode::FAILURE;
    }
    sleep(Duration::from_millis(lives_ms.parse().unwrap_or_default()));
    ExitCode::SUCCESS
}
