//! `cargo xtask test`: everything that must hold before a change is taken.

use std::{process::Command, time::Instant};

use serde_json::{Value, json};

use crate::{
    run::{Outcome, cargo, line, run},
    setup,
};

/// With which rights the tests run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// All of them.
    Root,
    /// Without the tests that make network namespaces with root's rights; they are named at the end.
    None,
}

/// Each step stops the run when it fails.
pub(crate) fn test(privilege: Privilege) -> Outcome {
    if privilege == Privilege::Root && !setup::is_root() {
        return Err("the tests need root for network namespaces; run them as root, \
                    or those that need no root with --unprivileged"
            .to_owned());
    }
    let begun = Instant::now();
    if privilege == Privilege::Root {
        setup::packages()?;
        setup::target(&setup::static_target())?;
    }
    setup::components()?;
    for mut step in steps(privilege) {
        println!("\n$ {}", line(&step));
        let took = run(&mut step)?;
        println!("✔ {} ({:.1} s)", line(&step), took.as_secs_f64());
    }
    let took = begun.elapsed().as_secs_f64();
    match privilege {
        Privilege::Root => println!("\nall passed in {took:.0} s"),
        Privilege::None => {
            println!(
                "\npassed in {took:.0} s; NOT RUN, since they need root: {}",
                need_root()?.join(", ")
            );
        }
    }
    Ok(())
}

/// The tests behind the feature `host-tests`, as `PACKAGE:TEST`.
fn need_root() -> Outcome<Vec<String>> {
    let output = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output();
    let output = output.map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let mut names = Vec::new();
    for package in list(&metadata["packages"]) {
        let targets = list(&package["targets"]);
        let behind =
            targets.iter().filter(|target| target["required-features"] == json!(["host-tests"]));
        names.extend(behind.map(|target| {
            let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
            format!("{}:{}", name(package), name(target))
        }));
    }
    Ok(names)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn steps(privilege: Privilege) -> Vec<Command> {
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
        tests(privilege),
    ]
}

fn tests(privilege: Privilege) -> Command {
    let mut tests = cargo(&["test", "--workspace", "--no-fail-fast"]);
    if privilege == Privilege::Root {
        tests.arg("--all-features");
    }
    tests
}
