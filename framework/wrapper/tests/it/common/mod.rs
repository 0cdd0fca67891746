//! Helpers of the tests.

pub(crate) mod recorder;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    thread,
    time::{Duration, Instant},
};

use cni_test_kit::{CallBuilder, PluginDir};
use serde_json::{Value, json};

/// A timeout that only a hanging test reaches.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// The run time of a process that outlives every test.
pub(crate) const FOREVER: Duration = Duration::from_secs(3600);

/// Returns the wrapper that adds nothing, `examples/nothing.rs`.
pub(crate) fn wrapper() -> PathBuf {
    example("nothing")
}

/// Returns an example of this crate. Cargo builds examples together with tests, but not if it runs
/// certain tests only: then they may be missing or outdated.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    let path = profile.join("examples").join(name);
    assert!(
        is_fresh(&path).unwrap_or_default(),
        "{} is missing or older than its sources; run `cargo build -p cni-wrapper --examples`",
        path.display()
    );
    path
}

/// Returns whether no source was changed since a program was built. Cargo lists the sources in a
/// file next to it, as `PROGRAM: SOURCE SOURCE…` with `\ ` for a blank in a path.
fn is_fresh(program: &Path) -> Option<bool> {
    let changed = |path: &Path| fs::metadata(path).ok()?.modified().ok();
    let built = changed(program)?;
    let list = fs::read_to_string(program.with_extension("d")).ok()?;
    let sources = list.split_once(": ")?.1.trim_end().replace("\\ ", "\0");
    let mut sources = sources.split(' ').map(|source| source.replace('\0', " "));
    Some(sources.all(|source| changed(source.as_ref()).is_some_and(|changed| changed <= built)))
}

/// Returns an ADD on `net` with version 1.0.0 around this delegate. Results are kept in `dir`,
/// since other tests use the same names.
pub(crate) fn add(dir: &PluginDir, delegate: Value) -> CallBuilder {
    let config = json!({
        "cniVersion": "1.0.0", "name": "net", "delegate": delegate,
        "wrapper": {"resultDir": dir.path().join("results")},
    });
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// Returns the verbs with which the plugin `inner` was called, in order.
pub(crate) fn verbs(dir: &PluginDir) -> Vec<String> {
    dir.calls("inner").into_iter().map(|call| call.verb).collect()
}

/// Returns the running processes that have this directory in their environment.
pub(crate) fn alive(dir: &PluginDir) -> Vec<u32> {
    let mark = dir.path().display().to_string();
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment);
            // Not a directory whose name begins with the name of this one.
            let mut rest = environment.match_indices(&mark).map(|(at, _)| &environment[at..]);
            rest.any(|rest| !rest[mark.len()..].starts_with(|next: char| next.is_ascii_digit()))
        })
        .collect()
}

/// Kills the remaining processes of a test, also of a failed one.
pub(crate) struct KilledAtTheEnd<'d>(pub(crate) &'d PluginDir);

impl Drop for KilledAtTheEnd<'_> {
    fn drop(&mut self) {
        for pid in alive(self.0) {
            // It fails only if the process has ended already.
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "after {LIMIT:?} still not so: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the end of a process, without reading its output or closing its input.
#[track_caller]
pub(crate) fn output(mut child: Child) -> Output {
    let begun = Instant::now();
    while child.try_wait().expect("wait").is_none() {
        if begun.elapsed() > LIMIT {
            let _ = child.kill();
            panic!("it still runs after {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.wait_with_output().expect("wait")
}

/// Runs a test with a time limit, and doubles it until it is enough for the preparations on this
/// machine.
#[track_caller]
pub(crate) fn with_enough_time<T>(
    first: Duration,
    mut attempt: impl FnMut(Duration) -> Option<T>,
) -> T {
    let mut time = first;
    loop {
        match attempt(time) {
            Some(done) => return done,
            None => assert!(time < LIMIT, "not even {time:?} were enough"),
        }
        time *= 2;
    }
}
