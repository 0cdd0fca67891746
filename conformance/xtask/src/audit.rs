//! `cargo xtask audit`: checks the licences, bans and sources of all dependencies with cargo-deny.

use std::process::Command;

use cni_output::outln;

use crate::run::{Outcome, line, root, run};
use crate::setup;

/// Runs cargo-deny; `advisories` also checks for known vulnerabilities, which needs a network.
pub(crate) fn audit(advisories: bool) -> Outcome {
    let mut deny = Command::new(setup::tool("cargo-deny")?);
    deny.current_dir(root()).args(["check", "bans", "licenses", "sources"]);
    if advisories {
        deny.arg("advisories");
    }
    outln!("$ {}", line(&deny));
    run(&mut deny).map(|_| ())
}
