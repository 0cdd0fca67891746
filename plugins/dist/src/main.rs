//! `cargo xtask package`: builds a Debian package of the plugins and of cni-conformance.

mod build;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cni_output::{errln, finish, out, outln};

use build::{Build, root, run};
use tree::Tree;

/// The result of a step, or a message about what failed.
type Outcome<T = ()> = Result<T, String>;

const USAGE: &str = "\
cargo xtask package [--debug] [--target TARGET]

Builds a Debian package in the subdirectory debian of cargo's target directory, and prints its path.
The programs are linked statically unless TARGET requires shared libraries. --debug builds them
without optimisation, for tests. `cni-dist programs` with the same options only builds the programs,
and prints their directory.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.get(1..).unwrap_or_default() {
        ["package", args @ ..] if args.iter().any(|arg| matches!(*arg, "--help" | "-h")) => {
            out!("{USAGE}");
            Ok(())
        }
        ["package", args @ ..] => package(args),
        ["programs", args @ ..] => programs(args),
        _ => Err(USAGE.to_owned()),
    };
    let status = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            errln!("cni-dist: {problem}");
            ExitCode::FAILURE
        }
    };
    finish("cni-dist", status, ExitCode::FAILURE)
}

fn programs(args: &[&str]) -> Outcome {
    outln!("{}", Build::parse(args)?.programs()?.display());
    Ok(())
}

fn package(args: &[&str]) -> Outcome {
    let build = Build::parse(args)?;
    let programs = build.programs()?;
    let at = build::target_directory()?.join("debian");
    let tree = Tree::create(&at.join("tree"), &programs)?;
    tree.write_control(build.architecture(), build.depends())?;
    let file = at.join(tree.file_name(build.architecture()));
    archive(&build, &tree, &file)?;
    outln!("{}", shown(&file).display());
    Ok(())
}

fn archive(build: &Build, tree: &Tree, file: &Path) -> Outcome {
    let mut dpkg = Command::new("dpkg-deb");
    if build.is_debug() {
        // Fast compression: the package is large, and is installed only once.
        dpkg.args(["-Zgzip", "-z1"]);
    }
    dpkg.args(["--build", "--root-owner-group"]).arg(tree.path()).arg(file);
    run(dpkg.stdout(Stdio::null()))
}

/// Returns the path relative to the checkout if the file is in it.
fn shown(file: &Path) -> PathBuf {
    file.strip_prefix(root()).unwrap_or(file).to_owned()
}
