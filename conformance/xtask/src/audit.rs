//! `cargo xtask audit`: licences, bans and sources of everything that is built in, by cargo-deny.

use std::process::Command;

use crate::run::{Outcome, cargo, line, root, run};

/// Not in the home directory: who removes `target` has removed it.
const TOOLS: &str = "target/tools";

/// `advisories`: whether known vulnerabilities are asked for as well, which takes a network.
pub(crate) fn audit(advisories: bool) -> Outcome {
    let program = root().join(TOOLS).join("bin/cargo-deny");
    if !program.exists() {
        println!("installing cargo-deny into {TOOLS}, which takes minutes");
        run(&mut cargo(&["install", "--locked", "--root", TOOLS, "cargo-deny"]))?;
    }
    let mut deny = Command::new(program);
    deny.current_dir(root()).args(["check", "bans", "licenses", "sources"]);
    if advisories {
        deny.arg("advisories");
    }
    println!("$ {}", line(&deny));
    run(&mut deny).map(|_| ())
}
