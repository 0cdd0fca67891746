//! Maps host ports to containers, around any CNI plugin.
//!
//! Called by a container runtime (with `CNI_COMMAND`), it is a CNI plugin. Called from the command
//! line, it offers commands to inspect and repair what it has mapped.

use std::process::ExitCode;

use port_mapper::{cli, middleware::PortMapper};

fn main() -> ExitCode {
    let about = cni_wrapper::about!();
    if std::env::args_os().len() > 1 && std::env::var_os("CNI_COMMAND").is_none() {
        return cli::run(about);
    }
    cni_wrapper::run(about, PortMapper)
}
