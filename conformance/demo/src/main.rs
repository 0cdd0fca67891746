//! `cargo xtask demo`: runs the port mapper as Mesos does, on a disposable host.
//!
//! The host, the container and the client outside are network namespaces. The machine's own network
//! is not changed, and everything is removed at the end, even if a step fails.

mod scenario;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use cni_output::finish;

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
    let status = steps.finish(started.elapsed());
    finish("cni-demo", status, ExitCode::FAILURE)
}
