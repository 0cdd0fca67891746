//! A program that hangs. Programs that fail are in `tests/it/runner`, which can't set a shorter
//! deadline.

use std::process::Command;
use std::time::Instant;

use async_std::task::block_on;
use cni_test_kit::TempDir;

use super::super::programs::Variant;
use super::*;
use crate::backend::interface::ProgramEnvironment;

/// An iptables-restore that hangs and ignores SIGTERM, with a child that keeps its outputs open. It
/// writes the ids of both to a file.
const HANGS: &str =
    "#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $$ $! >\"$0.pids\"\nexec sleep 600\n";

fn runner(programs: &TempDir, work_timeout: Duration) -> Runner {
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let environment = ProgramEnvironment { path: Some(path.into()), xtables_lock_file: None };
    let programs = Programs::new(Variant::Default, &environment);
    Runner { programs, lock_timeout: Duration::from_millis(100), work_timeout }
}

#[test]
fn a_program_that_hangs_is_ended_with_its_children_at_the_deadline_and_the_error_is_retryable() {
    let programs = TempDir::new();
    let program = programs.path().join("iptables-restore");
    // Written by another process: while another test forks, a file that this process has open for
    // writing can't be executed.
    let written = Command::new("sh")
        .args(["-c", "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\""])
        .arg(&program)
        .arg(HANGS)
        .status();
    assert!(written.unwrap().success());
    // On a busy machine the deadline may pass before the script has begun; then it gets more time.
    let pids = [1, 10, 60].iter().find_map(|seconds| {
        expect_deadline(&runner(&programs, Duration::from_secs(*seconds)));
        let pids = std::fs::read_to_string(programs.path().join("iptables-restore.pids")).ok()?;
        let pids: Vec<String> = pids.split_whitespace().map(str::to_owned).collect();
        (pids.len() == 2).then_some(pids)
    });
    let pids = pids.expect("it begins within a minute");
    let stopped = Instant::now();
    while let Some(pid) = pids.iter().find(|pid| is_alive(pid)) {
        assert!(stopped.elapsed() < Duration::from_secs(120), "{pid} still exists");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn expect_deadline(runner: &Runner) {
    let (started, time) = (Instant::now(), runner.lock_timeout + runner.work_timeout);
    let error = block_on(async {
        let process = runner.start_restore(Family::V4).await?;
        runner.restore(process, "*nat\nCOMMIT\n").await
    });
    let error = error.unwrap_err();
    assert!(started.elapsed() >= time, "it had its time");
    assert_eq!(error.code(), 11, "{error}");
    let expected = format!("iptables-restore did not end within {time:?}");
    assert!(error.to_string().contains(&expected), "{error}");
}

/// A killed process no longer exists, or is a zombie.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_program_has_half_a_minute_in_addition_to_the_lock_timeout() {
    let programs = TempDir::new();
    let execution =
        runner(&programs, WORK_TIMEOUT).execution(Path::new("x"), Vec::new(), Vec::new());
    assert_eq!(execution.limits.deadline, Duration::from_millis(30_100));
}
