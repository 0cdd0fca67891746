//! `cargo xtask package`: builds a Debian package of the plugins and of cni-conformance.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod build;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use build::{Build, root, run};
use tree::Tree;

/// What a step returns: nothing, or a sentence that says what failed.
type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
cargo xtask package [--debug] [--target TARGET]

Builds a Debian package in the directory debian of the target directory, and prints its path. Its
programs load no library, unless TARGET is linked otherwise; --debug builds them without
optimisation, for tests. `cni-dist programs` with the same options builds the programs alone, and
prints the directory in which they are.
";

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.get(1..).unwrap_or_default() {
        ["package", words @ ..] if words.iter().any(|word| matches!(*word, "--help" | "-h")) => {
            print!("{USAGE}");
            Ok(())
        }
        ["package", words @ ..] => package(words),
        ["programs", words @ ..] => programs(words),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cni-dist: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn programs(words: &[&str]) -> Outcome {
    println!("{}", Build::read(words)?.programs()?.display());
    Ok(())
}

fn package(words: &[&str]) -> Outcome {
    let build = Build::read(words)?;
    let programs = build.programs()?;
    let at = build::target_directory()?.join("debian");
    let tree = Tree::make(&at.join("tree"), &programs)?;
    tree.describe(build.architecture(), build.depends())?;
    let file = at.join(tree.file_name(build.architecture()));
    archive(&build, &tree, &file)?;
    println!("{}", shown(&file).display());
    Ok(())
}

fn archive(build: &Build, tree: &Tree, file: &Path) -> Outcome {
    let mut dpkg = Command::new("dpkg-deb");
    if build.is_debug() {
        // A hundred megabytes that are installed once.
        dpkg.args(["-Zgzip", "-z1"]);
    }
    dpkg.args(["--build", "--root-owner-group"]).arg(tree.path()).arg(file);
    run(dpkg.stdout(Stdio::null()))
}

/// Relative to the checkout if it is in it.
fn shown(file: &Path) -> PathBuf {
    file.strip_prefix(root()).unwrap_or(file).to_owned()
}
