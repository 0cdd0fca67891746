//! Runs commands and reports how they ended.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The outcome of a task; an error is a human-readable message.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Returns the top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// Returns a command of the cargo that started this program, to run in the checkout.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(cargo_path());
    inherit_cargo(&mut command).args(args).current_dir(root());
    command
}

pub(crate) fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Makes a command, and the processes that it starts, use the same cargo and target directory.
pub(crate) fn inherit_cargo(command: &mut Command) -> &mut Command {
    command.env("CARGO", cargo_path());
    let target = std::env::var_os("CARGO_TARGET_DIR").map(std::path::absolute);
    if let Some(Ok(target)) = target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

/// Runs a command with its output shown, and returns how long it took.
pub(crate) fn run(command: &mut Command) -> Outcome<Duration> {
    let started = Instant::now();
    let status = command.status().map_err(|error| format!("{}: {error}", line(command)))?;
    if status.success() {
        Ok(started.elapsed())
    } else {
        Err(format!("{}: {status}", line(command)))
    }
}

/// Runs a command and returns what it prints to stdout; its stderr is shown.
pub(crate) fn stdout(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", line(command)))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{}: {}", line(command), output.status))
    }
}

/// Returns the command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or_default();
    let args = std::iter::once(name).chain(command.get_args());
    args.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Builds a program of the workspace and replaces this process by it. Returns only if that fails.
pub(crate) fn become_program(name: &str, args: &[OsString]) -> String {
    match programs(&[name]) {
        Ok(paths) => become_built(&paths[0], args),
        Err(problem) => problem,
    }
}

/// Replaces this process by a program that has been built. Returns only if that fails.
pub(crate) fn become_built(path: &Path, args: &[OsString]) -> String {
    let mut program = Command::new(path);
    format!("{}: {}", path.display(), inherit_cargo(program.args(args)).exec())
}

/// Builds programs of the workspace, and returns their paths.
///
/// It selects the whole workspace with all features, so that dependencies have the same features as
/// for the tests, and are not compiled again. Only what the programs need is built.
pub(crate) fn programs(names: &[&str]) -> Outcome<Vec<PathBuf>> {
    let args = ["build", "--quiet", "--workspace", "--all-features"];
    let mut build = cargo(&args);
    build.args(names.iter().flat_map(|name| ["--bin", name]));
    let messages = stdout(build.args(["--message-format", "json-render-diagnostics"]))?;
    let path = |name: &&str| {
        let path = executable(&messages, name);
        path.ok_or_else(|| format!("cargo does not report the path of the program {name}"))
    };
    names.iter().map(path).collect()
}

/// Returns the path of a program, from cargo's messages.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ours = messages.filter(|message| message["target"]["name"] == name);
    ours.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Returns the packages of the workspace, as `cargo metadata` prints them.
pub(crate) fn metadata() -> Outcome<Value> {
    let text = stdout(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

/// Returns the directory in which cargo builds, which may be outside of the checkout.
pub(crate) fn target_directory() -> Outcome<PathBuf> {
    let metadata = metadata()?;
    let path = metadata["target_directory"].as_str().map(PathBuf::from);
    path.ok_or_else(|| "cargo metadata does not contain the target directory".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_program_is_found_in_the_messages_of_cargo() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"cni-test-peer"},"executable":"/t/peer"}
{"reason":"compiler-artifact","target":{"name":"cni-demo"},"executable":"/t x/cni-demo"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "cni-demo"), Some("/t x/cni-demo".into()));
        assert_eq!(executable(messages, "another"), None);
    }

    #[test]
    fn the_target_directory_contains_this_test() {
        let own = std::env::current_exe().unwrap();
        assert!(own.starts_with(target_directory().unwrap().canonicalize().unwrap()), "{own:?}");
    }
}
