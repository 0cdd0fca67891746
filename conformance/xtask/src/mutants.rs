//! `cargo xtask mutants`: changes the code in small ways and looks whether a test fails, by
//! cargo-mutants. `.cargo/mutants.toml` names the files.

use std::process::Command;

use crate::run::{Outcome, line, root, run};
use crate::setup;

/// The share that is tried unless more is asked for: all of it takes hours.
const SAMPLE: [&str; 4] = ["--shard", "0/16", "--sharding", "round-robin"];

/// `given` are arguments of cargo-mutants, such as `--shard 1/16` or `--file FILE`, in place of the
/// sample.
pub(crate) fn mutants(given: &[&str]) -> Outcome {
    let mut mutants = Command::new(setup::tool("cargo-mutants")?);
    mutants.current_dir(root()).args(["mutants", "--colors", "never"]);
    mutants.args(if given.is_empty() { &SAMPLE } else { given });
    println!("$ {}", line(&mutants));
    run(&mut mutants).map(drop)
}
