//! `cargo xtask mutants`: changes the code in small ways, and checks with cargo-mutants that a test
//! fails for each change. `.cargo/mutants.toml` names the files.

use std::ffi::OsString;
use std::process::Command;

use cni_output::outln;

use crate::run::{Outcome, line, root, run};
use crate::setup;

/// The changes that are tried by default: all of them take hours.
const SAMPLE: [&str; 4] = ["--shard", "0/16", "--sharding", "round-robin"];

/// Runs cargo-mutants with these arguments, such as `--shard 1/16` or `--file FILE`; without any,
/// with the sample.
pub(crate) fn mutants(arguments: &[OsString]) -> Outcome {
    let mut mutants = Command::new(setup::tool("cargo-mutants")?);
    mutants.current_dir(root()).args(["mutants", "--colors", "never"]).args(arguments);
    if arguments.is_empty() {
        mutants.args(SAMPLE);
    }
    outln!("$ {}", line(&mutants));
    run(&mut mutants).map(drop)
}
