//! What the tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cni_wrapper_test::{CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

pub(crate) fn plugin() -> PathBuf {
    env!("CARGO_BIN_EXE_cni-guard").into()
}

/// The first JSON block of the README: the network that it begins with.
pub(crate) fn readme_network() -> Value {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```json\n").expect("a block of JSON");
    let (block, _) = rest.split_once("```").expect("its end");
    serde_json::from_str(block).expect("valid JSON")
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

/// Waits for a condition.
#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(20), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
