//! Helpers for all tests.

use std::fs::DirEntry;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cni_test_kit::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

pub(crate) fn plugin() -> PathBuf {
    env!("CARGO_BIN_EXE_cni-guard").into()
}

/// Returns a directory with a delegate `d` that follows this script.
pub(crate) fn delegate(script: &Script) -> PluginDir {
    PluginDir::new().with("d", script)
}

/// Returns an ADD around that delegate, with its state in the same directory.
pub(crate) fn add(dir: &PluginDir, mut guard: Value) -> CallBuilder {
    guard["stateDir"] = json!(dir.path().join("state"));
    let config = json!({"cniVersion": "1.1.0", "delegate": {"type": "d"}, "guard": guard});
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// Returns the verbs with which `d` was called, in order.
pub(crate) fn verbs(dir: &PluginDir) -> Vec<String> {
    dir.calls("d").into_iter().map(|call| call.verb).collect()
}

/// The lifetime of a daemon that a delegate leaves behind, longer than any wait in these tests.
pub(crate) const DAEMON: Duration = Duration::from_secs(600);

/// Kills the daemons that plugins in this directory left behind when it is dropped.
pub(crate) struct EndDaemons<'d>(pub(crate) &'d PluginDir);

impl Drop for EndDaemons<'_> {
    fn drop(&mut self) {
        for pid in processes(self.0) {
            // It may already have ended.
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    }
}

/// Returns the ids of all processes that run a plugin in this directory.
pub(crate) fn processes(dir: &PluginDir) -> Vec<String> {
    let all = std::fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let path = dir.path().canonicalize().expect("the directory exists");
    // The link of a process that has ended, or of another user, can't be read.
    let program = |process: &DirEntry| std::fs::read_link(process.path().join("exe")).ok();
    let runs =
        |process: &DirEntry| program(process).is_some_and(|program| program.starts_with(&path));
    all.filter(runs).map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}
