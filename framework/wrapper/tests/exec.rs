//! Children that are started before it is known what they are to be told.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cni_wrapper::exec::{self, ExecError, Execution, Limits};

fn shell(script: &str, limits: Limits) -> Execution {
    let args = ["-c", script].map(Into::into).to_vec();
    Execution {
        program: "/bin/sh".into(),
        args,
        environment: Vec::new(),
        stdin: Vec::new(),
        limits,
    }
}

/// A file that a child writes its process id to.
fn note(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("exec-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// Its id, once it has said it.
fn noted(path: &Path) -> String {
    let begun = Instant::now();
    loop {
        match std::fs::read_to_string(path) {
            Ok(id) if id.ends_with('\n') => return id.trim().to_owned(),
            _ => assert!(begun.elapsed() < Duration::from_secs(20), "it never started"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn exists(process: &str) -> bool {
    Path::new("/proc").join(process).exists()
}

#[test]
fn one_that_is_dismissed_is_gone_with_all_that_it_started() {
    let note = note("dismissed");
    let script = format!("sleep 60 & echo $! >{}; cat", note.display());
    let (child, sleeper) = cni_wrapper::command(async {
        let started = exec::start(&shell(&script, Limits::default())).await.unwrap();
        let sleeper = noted(&note);
        let child = std::fs::read_to_string(format!("/proc/{sleeper}/stat")).unwrap();
        let child = child.rsplit(')').next().unwrap().split_whitespace().nth(1).unwrap().to_owned();
        started.dismiss().await;
        (child, sleeper)
    })
    .unwrap();
    assert!(!exists(&child), "it is reaped");
    // The other one is killed with it, and whoever inherits it reaps it.
    let begun = Instant::now();
    while std::fs::read_to_string(format!("/proc/{sleeper}/cmdline"))
        .is_ok_and(|line| !line.is_empty())
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "it lives on");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::fs::remove_file(note).unwrap();
}

#[test]
fn the_deadline_begins_when_it_is_fed() {
    let limits = Limits { deadline: Duration::from_millis(300), ..Limits::default() };
    cni_wrapper::command(async {
        let started = exec::start(&shell("cat", limits)).await.unwrap();
        async_std::task::sleep(Duration::from_millis(600)).await;
        let mut said = Vec::new();
        let fed = started.feed(b"late", &mut |bytes| said.extend_from_slice(bytes)).await;
        assert!(fed.unwrap().status.success() && said == b"late");

        let started = exec::start(&shell("sleep 60", limits)).await.unwrap();
        let fed = started.feed(b"", &mut |_| {}).await;
        assert!(matches!(fed, Err(ExecError::Deadline { .. })), "{fed:?}");
    })
    .unwrap();
}

#[test]
fn one_that_does_not_want_to_be_fed_is_judged_by_its_end() {
    cni_wrapper::command(async {
        let refusing = shell("echo no such option >&2; exit 2", Limits::default());
        let started = exec::start(&refusing).await.unwrap();
        let fed = started.feed(&[b'x'; 1 << 20], &mut |_| {}).await.unwrap();
        assert_eq!(fed.status.code(), Some(2));
        assert_eq!(fed.stderr, b"no such option\n");
    })
    .unwrap();
}
