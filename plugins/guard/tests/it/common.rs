//! What the tests share.

use std::fs::DirEntry;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cni_test_kit::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

pub(crate) fn plugin() -> PathBuf {
    env!("CARGO_BIN_EXE_cni-guard").into()
}

/// A delegate `d` with this script.
pub(crate) fn delegate(script: &Script) -> PluginDir {
    PluginDir::new().with("d", script)
}

/// An ADD around it. State is in a directory of the test's own.
pub(crate) fn add(dir: &PluginDir, mut guard: Value) -> CallBuilder {
    guard["stateDir"] = json!(dir.path().join("state"));
    let config = json!({"cniVersion": "1.1.0", "delegate": {"type": "d"}, "guard": guard});
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// What `d` was asked, in order.
pub(crate) fn verbs(dir: &PluginDir) -> Vec<String> {
    dir.calls("d").into_iter().map(|call| call.verb).collect()
}

/// How long a daemon lives that a delegate leaves behind: longer than any wait in these tests.
pub(crate) const DAEMON: Duration = Duration::from_secs(600);

/// Kills the daemons that plugins of this directory left behind, when it is dropped.
pub(crate) struct EndDaemons<'d>(pub(crate) &'d PluginDir);

impl Drop for EndDaemons<'_> {
    fn drop(&mut self) {
        for pid in processes(self.0) {
            // It may have ended by itself.
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    }
}

/// The ids of all live processes that run a plugin of this directory.
pub(crate) fn processes(dir: &PluginDir) -> Vec<String> {
    let all = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let path = dir.path().canonicalize().expect("the directory exists");
    // A process that has ended, or belongs to another user, has no program to read.
    let program = |process: &DirEntry| std::fs::read_link(process.path().join("exe")).ok();
    let runs = |process: &DirEntry| program(process).is_some_and(|it| it.starts_with(&path));
    all.filter(runs).map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}

/// Waits for a condition. The limit only ends a test that hangs.
#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(120), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
