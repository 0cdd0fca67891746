//! `cargo xtask test`: everything that must hold before a change is taken.

use std::{process::Command, time::Instant};

use crate::{
    run::{Outcome, cargo, line, run},
    setup,
};

/// With which rights the tests run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// All of them.
    Root,
    /// In user namespaces, where the kernel allows it.
    None,
}

/// Each step stops the run when it fails.
pub(crate) fn test(privilege: Privilege) -> Outcome {
    if privilege == Privilege::Root && !setup::is_root() {
        return Err("the tests need root for network namespaces; \
                    run them as root, or with --unprivileged in user namespaces"
            .to_owned());
    }
    let begun = Instant::now();
    setup::packages()?;
    setup::components()?;
    for mut step in steps() {
        println!("\n$ {}", line(&step));
        let took = run(&mut step)?;
        println!("✔ {} ({:.1} s)", line(&step), took.as_secs_f64());
    }
    println!("\nall passed in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn steps() -> Vec<Command> {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    vec![
        cargo(&["fmt", "--all", "--check"]),
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--quiet",
            "--",
            "--deny",
            "warnings",
        ]),
        doc,
        // Tests of one package run the binaries of others.
        cargo(&["build", "--workspace", "--all-features", "--quiet"]),
        cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]),
    ]
}
