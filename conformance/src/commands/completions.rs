//! `completions`.

use std::io;

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
    clap_complete::generate(arguments.shell, &mut definition, "cni-conformance", &mut io::stdout());
    ExitStatus::Success
}
