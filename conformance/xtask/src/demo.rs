//! `cargo xtask demo`: builds what the demonstration runs, and starts it.

use std::thread;

use crate::run::{Outcome, become_built, programs};
use crate::setup;

/// The demonstration, the plugin that it shows, and the program that sends traffic.
const PROGRAMS: [&str; 3] = ["cni-demo", "mesos-cni-port-mapper", "cni-test-peer"];

/// Installs packages while the programs are compiled, then replaces this process by the
/// demonstration.
pub(crate) fn demo() -> Outcome {
    let packages = thread::spawn(|| setup::packages(setup::DEMO));
    let programs = programs(&PROGRAMS);
    packages.join().unwrap_or_else(|_| Err("installing packages has panicked".to_owned()))?;
    Err(become_built(&programs?[0], &[]))
}
