//! What the process tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod noting;

use std::{
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use cni_wrapper_test::{CallBuilder, PluginDir};
use serde_json::{Value, json};

/// The wrapper that adds nothing: `examples/nothing.rs`.
pub(crate) fn wrapper() -> PathBuf {
    example("nothing")
}

/// An example of this crate; cargo builds examples together with tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let path = profile_directory().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is missing; run `cargo test -p cni-wrapper` without --test",
        path.display()
    );
    path
}

/// `target/debug`, or that of another profile.
fn profile_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    test.ancestors().nth(2).expect("target/debug/deps/TEST").to_owned()
}

/// `target`.
pub(crate) fn target() -> PathBuf {
    profile_directory().parent().expect("target/debug").to_owned()
}

/// ADD to `net` at 1.0.0, around this delegate.
pub(crate) fn add(dir: &PluginDir, delegate: Value) -> CallBuilder {
    let config = json!({"cniVersion": "1.0.0", "name": "net", "delegate": delegate});
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// The verbs that the plugin `inner` got, in order.
pub(crate) fn verbs(dir: &PluginDir) -> Vec<String> {
    dir.calls("inner").into_iter().map(|call| call.verb).collect()
}

/// The processes that were started with this directory in their environment and are still alive.
pub(crate) fn alive(dir: &PluginDir) -> Vec<u32> {
    let mark = dir.path().display().to_string();
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        })
        .collect()
}

pub(crate) fn kill_leftovers(dir: &PluginDir) {
    for pid in alive(dir) {
        let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
    }
}

/// Waits for a condition, at most 10 s.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited 10 s in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
