//! A plugin that behaves as a script specifies, and records every call.
//!
//! A copy of it named `NAME` reads `NAME.script.json` next to it (`cni_test_kit::Script`) and
//! appends to `NAME.calls.jsonl` (`cni_test_kit::RecordLine`).

mod act;
mod answer;
mod files;
mod record;

use std::env;
use std::process::ExitCode;

use files::{BACKGROUND, TERM_IGNORED};

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str).unwrap_or_default();
    if argument(1) == BACKGROUND {
        return act::run_in_background(argument(2), argument(3));
    }
    let term_ignored = argument(1) == TERM_IGNORED;
    let argv0 = if term_ignored { argument(2) } else { argument(0) };
    let program = files::program(argv0);
    match files::script(&program) {
        Ok(script) => act::perform(&script, &program, argv0, term_ignored),
        Err(problem) => answer::refuse(&problem),
    }
}
