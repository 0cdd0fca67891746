//! Helpers for all tests.

use std::fs;
use std::path::{Path, PathBuf};

use cni_test_kit::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

/// Returns the plugin under test.
pub(crate) fn plugin() -> &'static str {
    env!("CARGO_BIN_EXE_cni-trace")
}

/// Scripted delegates in a directory, to which the plugin also writes its files.
pub(crate) struct Fixture {
    pub(crate) plugins: PluginDir,
}

impl Fixture {
    /// Creates the delegate `inner`, which follows this script.
    pub(crate) fn new(script: &Script) -> Self {
        Self { plugins: PluginDir::new().with("inner", script) }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.plugins.path().join(name)
    }

    /// Returns an ADD at 1.1.0 around `inner`, recorded in `trace.jsonl`.
    pub(crate) fn call(&self) -> CallBuilder {
        self.around(json!({"type": "inner"}))
    }

    pub(crate) fn around(&self, delegate: Value) -> CallBuilder {
        let config = json!({
            "cniVersion": "1.1.0", "recordingFile": self.file("trace.jsonl"), "delegate": delegate,
        });
        CallBuilder::add("net").cni_path(&self.plugins).config(config)
    }

    /// Returns all lines of the recording.
    pub(crate) fn lines(&self) -> Vec<Value> {
        read_lines(&self.file("trace.jsonl"))
    }

    /// Returns the only line of the recording.
    pub(crate) fn line(&self) -> Value {
        let [line] = self.lines().try_into().expect("one line");
        line
    }
}

/// Reads a file of JSON lines.
pub(crate) fn read_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the file was written");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The number of the system call `flock`, as /proc shows it.
const FLOCK: &str = if cfg!(target_arch = "x86_64") { "73 " } else { "32 " };

/// Reports whether a thread of a child process is waiting for a lock on a file.
pub(crate) fn waits_for_a_lock(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut calls = threads.map(|thread| fs::read_to_string(thread.path().join("syscall")));
    calls.any(|call| call.is_ok_and(|call| call.starts_with(FLOCK)))
}
