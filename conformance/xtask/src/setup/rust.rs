//! Installs components, targets and cargo commands that a minimal Rust toolchain lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use cni_output::outln;

use crate::run::{Outcome, cargo, root, run, target_directory};

/// Installs rustfmt and clippy if they are missing.
pub(crate) fn components() -> Outcome {
    for (program, component) in [("cargo-fmt", "rustfmt"), ("cargo-clippy", "clippy")] {
        let works = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if works.is_ok_and(|status| status.success()) {
            continue;
        }
        outln!("installing the Rust component {component}");
        run(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

/// Returns the target of statically linked programs, which start faster and run on any Linux.
pub(crate) fn static_target() -> String {
    // The only architecture whose name differs.
    let architecture = std::env::consts::ARCH.replace("riscv64", "riscv64gc");
    format!("{architecture}-unknown-linux-musl")
}

/// Installs the standard library for a target if it is missing.
pub(crate) fn target(target: &str) -> Outcome {
    let args = ["--print", "target-libdir", "--target", target];
    let directory = Command::new("rustc").args(args).current_dir(root()).output();
    let directory = directory.map_err(|error| format!("rustc: {error}"))?;
    if Path::new(String::from_utf8_lossy(&directory.stdout).trim()).exists() {
        return Ok(());
    }
    outln!("installing Rust's standard library for {target}");
    let added = run(Command::new("rustup").args(["target", "add", target]).current_dir(root()));
    added.map(drop).map_err(|problem| {
        format!("{problem}\nRust's standard library for {target} is missing: install it")
    })
}

/// Returns the path of a cargo command of another project, and installs it if it is missing.
///
/// It is installed into the target directory, so that it is removed together with that.
pub(crate) fn tool(name: &str) -> Outcome<String> {
    let tools = target_directory()?.join("tools");
    let program = tools.join("bin").join(name);
    if !program.exists() {
        outln!("installing {name} into {}, which takes minutes", tools.display());
        run(cargo(&["install", "--locked", name, "--root"]).arg(&tools))?;
    }
    Ok(program.display().to_string())
}
