//! Decides by a container's labels whether it may have a network, and which of several delegates
//! creates it.
//!
//! Called by a container runtime, with `CNI_COMMAND` set, it is a CNI plugin. Called from the
//! command line, it explains a decision.

mod cli;
mod config;
mod decision;
mod rules;
mod selector;

use std::process::ExitCode;

use cni_wrapper::SelectDelegate;

fn main() -> ExitCode {
    let about = cni_wrapper::about!();
    if std::env::args_os().len() > 1 && std::env::var_os("CNI_COMMAND").is_none() {
        return cli::run(about);
    }
    cni_wrapper::run(about, SelectDelegate(selector::LabelPolicy))
}
