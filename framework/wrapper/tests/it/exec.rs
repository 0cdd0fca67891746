//! Children that are started before their input is known.

use std::future::{Future, poll_fn};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use std::{fs, io};

use cni_test_kit::TempDir;
use cni_wrapper::exec::{self, ExecError, Execution, Limits};

use crate::common::{wait_until, with_enough_time};

fn execution(program: &Path, args: &[&str], limits: Limits) -> Execution {
    let args = args.iter().map(Into::into).collect();
    let program = program.to_owned();
    Execution { program, args, environment: Vec::new(), stdin: Vec::new(), limits }
}

fn shell(script: &str, limits: Limits) -> Execution {
    execution("/bin/sh".as_ref(), &["-c", script], limits)
}

/// Returns the parent of a process.
fn parent(process: &str) -> String {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

/// Returns whether a process exists and is not a zombie.
fn is_alive(process: &str) -> bool {
    fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[test]
fn a_killed_child_has_ended_with_all_its_children() {
    let directory = TempDir::new();
    let note = directory.path().join("id");
    let script = format!("sleep 600 & echo $! >'{}'; cat", note.display());
    let (child, sleeper) = cni_wrapper::block_on(async {
        let started = exec::start(&shell(&script, Limits::default())).await.unwrap();
        let id = || fs::read_to_string(&note).unwrap_or_default();
        wait_until("the child has started a grandchild", || id().ends_with('\n'));
        let sleeper = id().trim().to_owned();
        let child = parent(&sleeper);
        assert!(is_alive(&child) && is_alive(&sleeper));
        started.kill().await;
        (child, sleeper)
    })
    .unwrap();
    assert!(!Path::new("/proc").join(child).exists(), "the child is reaped");
    // The grandchild is killed, too, and reaped by its new parent.
    wait_until("the grandchild has ended", || !is_alive(&sleeper));
}

#[test]
fn a_child_that_ignores_term_is_killed_at_its_deadline_with_all_its_children() {
    let directory = TempDir::new();
    let note = directory.path().join("ids");
    let script = format!("trap '' TERM; sleep 600 & echo $$ $! >'{}'; wait", note.display());
    let ids = with_enough_time(Duration::from_millis(300), |deadline| {
        let limits = Limits { deadline, ..Limits::default() };
        let ended = cni_wrapper::block_on(exec::run(&shell(&script, limits))).unwrap();
        assert!(matches!(ended, Err(ExecError::Deadline { .. })), "{ended:?}");
        let ids = fs::read_to_string(&note).unwrap_or_default();
        ids.ends_with('\n').then_some(ids)
    });
    for id in ids.split_whitespace() {
        wait_until("it has ended", || !is_alive(id));
    }
}

#[test]
fn the_deadline_begins_with_the_input() {
    let deadline = Duration::from_millis(500);
    let limits = Limits { deadline, ..Limits::default() };
    cni_wrapper::block_on(async {
        let started = exec::start(&shell("sleep 600", limits)).await.unwrap();
        async_std::task::sleep(deadline).await;
        let begun = Instant::now();
        let output = started.communicate(b"", &mut |_| {}).await;
        assert!(matches!(output, Err(ExecError::Deadline { .. })), "{output:?}");
        assert!(begun.elapsed() >= deadline, "stopped after {:?}", begun.elapsed());
    })
    .unwrap();
}

#[test]
fn a_child_that_gets_its_input_late_answers_normally() {
    cni_wrapper::block_on(async {
        let started = exec::start(&shell("cat; echo done >&2", Limits::default())).await.unwrap();
        async_std::task::sleep(Duration::from_millis(20)).await;
        let mut stdout = Vec::new();
        let output = started
            .communicate(b"late", &mut |bytes| stdout.extend_from_slice(bytes))
            .await
            .unwrap();
        assert!(output.status.success());
        assert_eq!((stdout.as_slice(), output.stderr.as_slice()), (&b"late"[..], &b"done\n"[..]));
    })
    .unwrap();
}

#[test]
fn a_child_that_does_not_read_its_input_has_the_outcome_of_its_exit() {
    cni_wrapper::block_on(async {
        let refusing = shell("echo no such option >&2; exit 2", Limits::default());
        let started = exec::start(&refusing).await.unwrap();
        let output = started.communicate(&[b'x'; 1 << 20], &mut |_| {}).await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(output.stderr, b"no such option\n");
    })
    .unwrap();
}

/// Returns a program and an open file with which it is being written.
fn busy(directory: &Path) -> (Execution, fs::File) {
    let program = directory.join("busy");
    fs::copy("/bin/true", &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let writer = fs::OpenOptions::new().append(true).open(&program).unwrap();
    (execution(&program, &[], Limits::default()), writer)
}

#[test]
fn a_binary_that_is_being_written_is_retried() {
    let directory = TempDir::new();
    let (busy, writer) = busy(directory.path());
    cni_wrapper::block_on(async {
        let mut starting = pin!(exec::start(&busy));
        // The first attempt is made at once, and the pause follows its failure.
        let first = poll_fn(|context| Poll::Ready(starting.as_mut().poll(context))).await;
        assert!(first.is_pending());
        drop(writer);
        let finished = starting.await.unwrap().communicate(b"", &mut |_| {}).await.unwrap();
        assert!(finished.status.success());
    })
    .unwrap();
}

#[test]
fn a_binary_that_stays_open_for_writing_has_a_helpful_error() {
    let directory = TempDir::new();
    let (busy, _writer) = busy(directory.path());
    let started = cni_wrapper::block_on(exec::start(&busy)).unwrap();
    let Err(error) = started else { panic!("it is open for writing") };
    assert!(error.to_string().contains("open for writing"), "{error}");
    let ExecError::Start { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.kind(), io::ErrorKind::ExecutableFileBusy);
}
