//! Decides by a container's labels whether it may have this network, and which of several delegates makes it.
//!
//! Called by a container runtime (with `CNI_COMMAND`) it is a CNI plugin; called by a person, it explains a decision.

mod config;
mod decide;
mod explain;
mod policy;
mod rules;

use std::process::ExitCode;

use cni_wrapper::SelectDelegate;

fn main() -> ExitCode {
    let about = cni_wrapper::about!();
    if std::env::args_os().len() > 1 && std::env::var_os("CNI_COMMAND").is_none() {
        return explain::run(about);
    }
    cni_wrapper::run(about, SelectDelegate(policy::Policy))
}
