//! The command line of the benchmark: help and errors.

use std::process::{Command, Output};

/// Runs the benchmark.
pub(crate) fn bench(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_cni-bench")).args(args).output();
    output.unwrap_or_else(|error| panic!("cni-bench: {error}"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_wrong_option_is_reported_and_nothing_is_measured() {
    let output = bench(&["--existing", "lots"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("existing"), "{}", text(&output.stderr));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn help_lists_the_options() {
    let help = bench(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("--peer NAME=PATH[,CONFIG.json]"));
}
