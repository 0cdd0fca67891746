//! Each numbered defect of Mesos's original port mapper, as a test that would fail on it.
//!
//! The numbers are those of the list in `docs/original.md`.

#[path = "../common/mod.rs"]
mod common;
mod results;
mod robustness;
mod security;

use std::time::{Duration, Instant};

use cni_wrapper_test::{Behaviour, PluginDir, Script};

/// iptables whose one program fails.
pub(crate) fn broken_iptables(program: &str) -> PluginDir {
    PluginDir::new().with(program, &Script::always(Behaviour::exit(1).saying("made to fail\n")))
}

/// Waits for a condition, at most 10 s.
pub(crate) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(10), "waited 10 s in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
