//! `man`.

use std::path::PathBuf;

use clap::{Args, Command};

use super::exit_status::ExitStatus;

/// Write the manual pages, one for each command, into a directory
#[derive(Args)]
pub(super) struct Arguments {
    /// An existing directory
    directory: PathBuf,
}

/// Writes the manual pages.
pub(super) fn write(arguments: &Arguments, definition: Command) -> Result<ExitStatus, String> {
    let directory = &arguments.directory;
    // It would get a page for each command again.
    let definition = definition.disable_help_subcommand(true);
    clap_mangen::generate_to(definition, directory)
        .map_err(|error| format!("cannot write to {}: {error}", directory.display()))?;
    Ok(ExitStatus::Success)
}
