//! Each numbered defect of Mesos's original port mapper, as a test that would fail on it.
//!
//! The numbers are those of the list in `docs/original.md`.

mod results;
mod robustness;
mod security;

use cni_test_kit::{Behaviour, PluginDir, Script};

/// iptables whose one program fails.
pub(crate) fn broken_iptables(program: &str) -> PluginDir {
    PluginDir::new()
        .with(program, &Script::always(Behaviour::exit(1).with_stderr("made to fail\n")))
}
