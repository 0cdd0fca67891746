//! `cargo xtask audit`: licences, bans and sources of everything that is built in, by cargo-deny.

use std::process::Command;

use crate::run::{Outcome, line, root, run};
use crate::setup;

/// `advisories`: whether known vulnerabilities are asked for as well, which takes a network.
pub(crate) fn audit(advisories: bool) -> Outcome {
    let mut deny = Command::new(setup::tool("cargo-deny")?);
    deny.current_dir(root()).args(["check", "bans", "licenses", "sources"]);
    if advisories {
        deny.arg("advisories");
    }
    println!("$ {}", line(&deny));
    run(&mut deny).map(|_| ())
}
