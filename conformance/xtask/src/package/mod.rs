//! `cargo xtask package`: a Debian package of the plugins and of cni-conformance, by one command.

mod tree;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Outcome, cargo, root, run};
use crate::setup;

use tree::Tree;

/// What is built, and where.
struct Build {
    profile: &'static str,
    target: String,
}

/// The programs need no library, unless `--target` names a target that is linked otherwise; `--debug` builds without optimisation, for tests.
pub(crate) fn package(words: &[&str]) -> Outcome {
    let mut build = Build { profile: "release", target: setup::static_target() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match (*word, words.as_slice()) {
            ("--debug", _) => build.profile = "debug",
            ("--target", [target, ..]) => {
                build.target = (*target).to_owned();
                words.next();
            }
            _ => return Err("cargo xtask package [--debug] [--target TARGET]".to_owned()),
        }
    }
    let programs = build.programs()?;
    let at = root().join("target/debian");
    let tree = Tree::make(&at.join("tree"), &programs)?;
    tree.describe(build.architecture(), build.depends())?;
    let file = at.join(tree.file_name(build.architecture()));
    let mut dpkg = Command::new("dpkg-deb");
    if build.profile == "debug" {
        // A hundred megabytes that are installed once.
        dpkg.args(["-Zgzip", "-z1"]);
    }
    dpkg.args(["--build", "--root-owner-group"]).arg(tree.path()).arg(&file);
    run(dpkg.stdout(std::process::Stdio::null()))?;
    println!("{}", file.strip_prefix(root()).unwrap_or(&file).display());
    Ok(())
}

impl Build {
    /// Builds all programs, and gives the directory in which they are.
    fn programs(&self) -> Outcome<PathBuf> {
        let mut command = cargo(&["build", "--quiet"]);
        for package in tree::PACKAGES {
            command.args(["--package", package]);
        }
        if self.profile == "release" {
            command.arg("--release");
        }
        setup::target(&self.target)?;
        run(command.args(["--target", &self.target]))?;
        Ok(target_directory().join(&self.target).join(self.profile))
    }

    fn is_static(&self) -> bool {
        self.target.ends_with("musl")
    }

    fn depends(&self) -> &'static str {
        if self.is_static() { "" } else { "libc6, libgcc-s1" }
    }

    /// As Debian calls it.
    fn architecture(&self) -> &'static str {
        match self.target.split('-').next() {
            Some("x86_64") => "amd64",
            Some("aarch64") => "arm64",
            Some("riscv64gc" | "riscv64") => "riscv64",
            _ => "all",
        }
    }
}

fn target_directory() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(&root()).join("target"))
}
