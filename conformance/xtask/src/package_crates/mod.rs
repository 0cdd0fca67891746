//! `cargo xtask package-crates`: packages the crates that are published, and uses the packages as
//! an author would, in a crate outside of this repository.

mod crates;
mod outside;

use clap::ArgMatches;

pub(crate) use crates::{PublicCrate, public_crates};

use crate::run::{Outcome, cargo, line, run};
use crate::setup;
use cni_output::outln;

/// Packages the public crates, compiles each package alone, and checks everything that a registry
/// would refuse; then runs the tests of a new plugin that has only the packages.
pub(crate) fn package_crates(arguments: &ArgMatches) -> Outcome {
    setup::require_root()?;
    setup::packages(setup::CONFORMANCE)?;
    let crates = public_crates()?;
    let selected = crates.iter().flat_map(|krate| ["--package", krate.name.as_str()]);
    let selected: Vec<&str> = selected.collect();
    let dirty = if arguments.get_flag("allow-dirty") { &["--allow-dirty"][..] } else { &[] };
    // cargo orders them by their dependencies, and compiles each with the packages of the others.
    if !arguments.get_flag("outside") {
        step(&[&["publish", "--dry-run", "--no-verify"], dirty, &selected])?;
        step(&[&["package"], dirty, &selected])?;
    } else {
        step(&[&["package", "--no-verify"], dirty, &selected])?;
    }
    outside::test(&crates)
}

fn step(args: &[&[&str]]) -> Outcome {
    let mut command = cargo(&args.concat());
    outln!("$ {}", line(&command));
    run(&mut command).map(drop)
}
