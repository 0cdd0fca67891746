//! `completions`.

use clap::{Args, Command};
use clap_complete::Shell;

use super::exit_status::ExitStatus;

/// Print the completions for a shell
#[derive(Args)]
pub(super) struct Arguments {
    /// The shell that reads them
    shell: Shell,
}

/// Prints the completions.
pub(super) fn print(arguments: &Arguments, mut definition: Command) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut definition, "cni-conformance", &mut script);
    out!("{}", String::from_utf8_lossy(&script));
    ExitStatus::Success
}
