//! Builds the programs of the package.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cni_output::outln;

use serde_json::Value;

use crate::{Outcome, USAGE, tree};

/// The options of a build.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Build {
    debug: bool,
    target: String,
}

impl Build {
    pub(crate) fn parse(args: &[&str]) -> Outcome<Self> {
        let mut build = Self { debug: false, target: static_target() };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (*arg, args.as_slice()) {
                ("--debug", _) => build.debug = true,
                ("--target", [target, ..]) => {
                    build.target = (*target).to_owned();
                    args.next();
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(build)
    }

    /// Builds all programs. Returns their directory.
    pub(crate) fn programs(&self) -> Outcome<PathBuf> {
        install_target(&self.target)?;
        let mut command = cargo(&["build", "--quiet", "--target", &self.target]);
        command.args(["--message-format", "json-render-diagnostics"]);
        for package in tree::PACKAGES {
            command.args(["--package", package]);
        }
        if !self.debug {
            command.arg("--release");
        }
        let messages = stdout(&mut command)?;
        directory(&messages)
            .ok_or_else(|| "cargo does not report the programs that it built".to_owned())
    }

    pub(crate) fn is_debug(&self) -> bool {
        self.debug
    }

    /// Returns the dependencies of the package. Static programs have none.
    pub(crate) fn depends(&self) -> &'static str {
        if self.target.ends_with("musl") { "" } else { "libc6, libgcc-s1" }
    }

    /// Returns Debian's name of the architecture.
    pub(crate) fn architecture(&self) -> &'static str {
        match self.target.split('-').next() {
            Some("x86_64") => "amd64",
            Some("aarch64") => "arm64",
            Some("riscv64gc" | "riscv64") => "riscv64",
            _ => "all",
        }
    }
}

/// Returns the top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// Returns the directory in which cargo builds. It may be outside of the checkout.
pub(crate) fn target_directory() -> Outcome<PathBuf> {
    let text = stdout(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let path = metadata["target_directory"].as_str().map(PathBuf::from);
    path.ok_or_else(|| "cargo metadata does not report the target directory".to_owned())
}

/// Runs a command whose output is shown.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

/// Runs a command. Returns its stdout; its stderr is shown.
fn stdout(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {}", output.status))
    }
}

fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// Returns the target of static programs, which start faster and run on any Linux.
fn static_target() -> String {
    // The only architecture whose name differs.
    let architecture = std::env::consts::ARCH.replace("riscv64", "riscv64gc");
    format!("{architecture}-unknown-linux-musl")
}

/// Installs the standard library for a target if it is missing.
fn install_target(target: &str) -> Outcome {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]).current_dir(root());
    if Path::new(stdout(&mut rustc)?.trim()).exists() {
        return Ok(());
    }
    outln!("installing Rust's standard library for {target}");
    run(Command::new("rustup").args(["target", "add", target]).current_dir(root()))
}

/// Returns the directory of the executables in cargo's messages.
fn directory(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths = messages.filter_map(|message| {
        Some(Path::new(message["executable"].as_str()?).parent()?.to_owned())
    });
    paths.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_set_profile_and_target_and_others_are_refused() {
        let build = Build::parse(&["--target", "aarch64-unknown-linux-gnu", "--debug"]).unwrap();
        let target = "aarch64-unknown-linux-gnu".to_owned();
        assert_eq!(build, Build { debug: true, target });
        assert_eq!((build.architecture(), build.depends()), ("arm64", "libc6, libgcc-s1"));
        let build = Build::parse(&[]).unwrap();
        assert!(!build.debug && build.target.ends_with("musl") && build.depends().is_empty());
        for args in [&["--release"][..], &["--target"]] {
            assert!(Build::parse(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn the_directory_of_the_programs_is_found_in_the_messages_of_cargo() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"cni-guard"},"executable":"/t x/debug/cni-guard"}"#;
        assert_eq!(directory(messages), Some("/t x/debug".into()));
        assert_eq!(directory(""), None);
    }
}
