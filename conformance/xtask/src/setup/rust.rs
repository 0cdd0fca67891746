//! Components, targets and cargo commands that a minimal Rust toolchain lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::{Outcome, cargo, root, run, target_directory};

/// rustfmt and clippy.
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
        println!("installing the Rust component {component}");
        run(Command::new("rustup").args(["component", "add", component]))?;
    }
    Ok(())
}

/// The target of programs that load no library: they start sooner and run on any Linux.
pub(crate) fn static_target() -> String {
    // The one architecture whose name differs.
    let architecture = std::env::consts::ARCH.replace("riscv64", "riscv64gc");
    format!("{architecture}-unknown-linux-musl")
}

/// The standard library for another target.
pub(crate) fn target(target: &str) -> Outcome {
    let words = ["--print", "target-libdir", "--target", target];
    let directory = Command::new("rustc").args(words).current_dir(root()).output();
    let directory = directory.map_err(|error| format!("rustc: {error}"))?;
    if Path::new(String::from_utf8_lossy(&directory.stdout).trim()).exists() {
        return Ok(());
    }
    println!("installing Rust's standard library for {target}");
    let added = run(Command::new("rustup").args(["target", "add", target]).current_dir(root()));
    added.map(drop).map_err(|problem| {
        format!("{problem}\nRust's standard library for {target} is missing: install it yourself")
    })
}

/// The path of another project's cargo command, which is installed if it is missing: not into the
/// home directory, so that it is removed together with the target directory.
pub(crate) fn tool(name: &str) -> Outcome<String> {
    let tools = target_directory()?.join("tools");
    let program = tools.join("bin").join(name);
    if !program.exists() {
        println!("installing {name} into {}, which takes minutes", tools.display());
        run(cargo(&["install", "--locked", name, "--root"]).arg(&tools))?;
    }
    Ok(program.display().to_string())
}
