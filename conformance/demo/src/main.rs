//! `cargo xtask demo`: the port mapper at work, as under Mesos, on a throw-away host.
//!
//! Host, container and the client outside are network namespaces. Nothing of the machine's own
//! network is touched, and all of it is removed at the end, also when a step fails.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod steps;
mod story;

use std::process::ExitCode;
use std::time::Instant;

use cni_test_kit::{Host, plugin_binary};

use steps::Steps;

/// Runs the story; a step that does not go as it should fails the demonstration.
fn main() -> ExitCode {
    let begun = Instant::now();
    let mut steps = Steps::new();
    let host = Host::new();
    let plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    story::tell(&mut steps, &host, &plugin);
    drop(host);
    steps.finish(begun.elapsed())
}
