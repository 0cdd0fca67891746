//! `cargo xtask demo`: runs the port mapper as Mesos does, on a disposable host.
//!
//! The host, the container and the client outside are network namespaces. The machine's own network
//! is not changed, and everything is removed at the end, even if a step fails.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod scenario;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use cni_test_kit::{Host, plugin_binary};

use steps::Steps;

/// Runs all steps. The exit status is nonzero if one of them fails.
fn main() -> ExitCode {
    let started = Instant::now();
    let mut steps = Steps::new();
    let host = Host::new();
    let plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    scenario::run(&mut steps, &host, &plugin);
    drop(host);
    steps.finish(started.elapsed())
}
