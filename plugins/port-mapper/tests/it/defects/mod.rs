//! A test for each numbered defect of Mesos's original port mapper, which would fail with the
//! original.
//!
//! `docs/original.md` lists the defects.

mod results;
mod robustness;
mod security;

use cni_test_kit::{Behaviour, PluginDir, Script};

/// Returns a directory with one failing program of iptables.
pub(crate) fn broken_iptables(program: &str) -> PluginDir {
    PluginDir::new()
        .with(program, &Script::always(Behaviour::exit(1).with_stderr("made to fail\n")))
}
