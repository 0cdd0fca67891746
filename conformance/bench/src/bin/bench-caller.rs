//! Starts and measures programs on a disposable host. Requests and answers are lines of JSON.
//!
//! It is a separate, small process that starts the programs directly: without a shell, `nsenter` or
//! pipes that have to be read.

#[path = "../protocol.rs"]
mod protocol;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use protocol::{Answer, Call, Completion};

/// The directory of inputs and outputs: in memory, and private to the host.
const FILES: &str = "/run/bench-calls";

/// The exit status if a program could not be started, as in a shell.
const NOT_STARTED: i32 = 127;

fn main() -> io::Result<()> {
    fs::create_dir_all(FILES)?;
    for line in io::stdin().lock().lines() {
        let calls: Vec<Call> = serde_json::from_str(&line?)?;
        let answer = serde_json::to_string(&all(&calls)?)?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{answer}")?;
        stdout.flush()?;
    }
    Ok(())
}

/// Starts all calls at the same time and waits for all of them.
fn all(calls: &[Call]) -> io::Result<Answer> {
    let mut commands = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        commands.push(command(call, index)?);
    }
    let mut completions = vec![Completion::default(); calls.len()];
    let mut running = BTreeMap::new();
    let started = Instant::now();
    for (index, command) in commands.iter_mut().enumerate() {
        let started = Instant::now();
        match command.spawn() {
            Ok(child) => drop(running.insert(child.id(), (index, started))),
            Err(error) => fs::write(path(index, "err"), error.to_string())
                .map(|()| completions[index].status = NOT_STARTED)?,
        }
    }
    if calls.first().is_some_and(|call| call.watch) {
        completions[0].own_kib = running.keys().next().map_or(0, |pid| peak_memory(*pid));
    }
    while !running.is_empty() {
        let (pid, status, peak_kib) = wait()?;
        if let Some((index, started)) = running.remove(&pid) {
            let micros = started.elapsed().as_secs_f64() * 1e6;
            completions[index] =
                Completion { micros, status, peak_kib, ..completions[index].clone() };
        }
    }
    let micros = started.elapsed().as_secs_f64() * 1e6;
    for (index, end) in completions.iter_mut().enumerate() {
        (end.stdout, end.stderr) = (text(index, "out")?, text(index, "err")?);
    }
    Ok(Answer { micros, completions })
}

fn command(call: &Call, index: usize) -> io::Result<Command> {
    fs::write(path(index, "in"), &call.stdin)?;
    let mut command = Command::new(&call.program);
    command
        .args(&call.arguments)
        .env_clear()
        .envs(&call.environment)
        .stdin(File::open(path(index, "in"))?)
        .stdout(File::create(path(index, "out"))?)
        .stderr(File::create(path(index, "err"))?);
    Ok(command)
}

fn path(index: usize, what: &str) -> PathBuf {
    PathBuf::from(FILES).join(format!("{}-{index}.{what}", std::process::id()))
}

fn text(index: usize, what: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path(index, what))?).into_owned())
}

/// Returns the peak memory of a process alone, which is read repeatedly until the process ends.
///
/// `wait4` reports the largest of a child and the processes that it waited for.
fn peak_memory(pid: u32) -> u64 {
    let path = format!("/proc/{pid}/status");
    let mut peak = 0;
    while let Some(now) = fs::read_to_string(&path).ok().and_then(|status| high_water(&status)) {
        peak = now;
    }
    peak
}

/// Reads `VmHWM:     1234 kB`; a process that has ended has no such line.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Waits for any child, and returns its id, how it ended, and its peak memory in KiB.
fn wait() -> io::Result<(u32, i32, u64)> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "no safe interface gives the resource usage of one child")]
    // SAFETY: both pointers are to live memory of the right types, and all zeros is a valid rusage.
    let (pid, usage) = unsafe {
        let pid = libc::wait4(-1, &mut status, 0, usage.as_mut_ptr());
        (pid, usage.assume_init())
    };
    let pid = u32::try_from(pid).map_err(|_| io::Error::last_os_error())?;
    let end =
        if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -libc::WTERMSIG(status) };
    Ok((pid, end, u64::try_from(usage.ru_maxrss).unwrap_or(0)))
}
