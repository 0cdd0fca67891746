//! A plugin that does what a script says, and writes down every call.
//!
//! A copy of it named `NAME` reads `NAME.script.json` beside itself (`cni_test_kit::Script`) and
//! appends to `NAME.calls.jsonl` (`cni_test_kit::RecordLine`).

mod act;
mod answer;
mod record;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cni_test_kit::Script;

/// First argument of a second start of the same process, after SIGTERM was set to be ignored.
/// The second argument is the name of the first start.
const TERM_IGNORED: &str = "--term-ignored";
/// First argument of the child that is left behind; then its life in milliseconds and its session.
const BACKGROUND: &str = "--background";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str).unwrap_or_default();
    if argument(1) == BACKGROUND {
        return act::live_in_background(argument(2), argument(3));
    }
    let term_ignored = argument(1) == TERM_IGNORED;
    let argv0 = if term_ignored { argument(2) } else { argument(0) };
    let program = program(argv0);
    match script(&program) {
        Ok(script) => act::perform(&script, &program, argv0, term_ignored),
        Err(problem) => answer::refuse(&problem),
    }
}

/// The path that the script's name is made of: as it was started, which may be by a symbolic link,
/// or else the program file itself (a caller may set any `argv[0]`).
fn program(argv0: &str) -> PathBuf {
    let started = Path::new(argv0);
    if argv0.contains('/') && beside(started, "script.json").exists() {
        return started.to_owned();
    }
    env::current_exe().unwrap_or_else(|_| started.to_owned())
}

fn script(program: &Path) -> Result<Script, String> {
    let path = beside(program, "script.json");
    let describe = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| describe(&error))?;
    serde_json::from_str(&text).map_err(|error| describe(&error))
}

fn beside(program: &Path, ending: &str) -> PathBuf {
    let mut path = program.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}
