//! `cargo xtask demo`: the port mapper at work, as under Mesos, in a throw-away host.
//!
//! Host, container and the client outside are network namespaces of their own; nothing of the machine's own
//! network is touched, and all of it is gone at the end, also when a step fails.

mod steps;
mod story;

use std::time::Instant;

use cni_wrapper_test::{Host, plugin_binary};

use crate::{
    run::{Outcome, cargo, run},
    setup,
};

use steps::Steps;

/// Runs the story; any step that does not go as it should fails the demo.
pub(crate) fn demo() -> Outcome {
    setup::packages()?;
    run(&mut cargo(&[
        "build",
        "--quiet",
        "--package",
        "mesos-cni-port-mapper",
        "--package",
        "cni-wrapper-test",
    ]))?;
    let begun = Instant::now();
    let mut steps = Steps::new();
    let host = Host::new();
    let plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    story::tell(&mut steps, &host, &plugin);
    steps.finish(begun.elapsed())
}
