//! Runs a command and says how it went.

use std::{
    ffi::OsStr,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// What a task gives: nothing, or a sentence on what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// The top of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// `cargo` as it called us, in the checkout.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(words).current_dir(root());
    command
}

/// Runs a command with its output shown.
pub(crate) fn run(command: &mut Command) -> Outcome<Duration> {
    let begun = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", line(command)))?;
    if status.success() { Ok(begun.elapsed()) } else { Err(format!("{}: {status}", line(command))) }
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
