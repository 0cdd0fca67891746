//! Finds the programs of this workspace that tests run, and builds those that are missing or older
//! than their sources: cargo builds only the binaries of the package whose tests it runs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

/// Set by `cargo xtask test`, which has just built all programs of the workspace, with the features
/// of all packages. To build one of them alone would compile its dependencies again with fewer
/// features, and cargo lists the sources of a program only if it builds it on its own.
const BUILT: &str = "CNI_TEST_PROGRAMS_BUILT";

static FOUND: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);

/// Returns the path of one of this crate's programs: `cni-test-peer`, `cni-test-plugin` or
/// `cni-test-fault`.
///
/// # Panics
/// If the program does not exist and can't be built.
pub fn binary(name: &str) -> PathBuf {
    plugin_binary(env!("CARGO_PKG_NAME"), name)
}

/// Returns the path of the program `bin` of the workspace package `package`, up to date and built
/// with the same profile as the running test.
///
/// Tests may call it in parallel, in one process or in several.
///
/// # Panics
/// If the program does not exist and can't be built.
pub fn plugin_binary(package: &str, bin: &str) -> PathBuf {
    // Held while building, so that other threads wait for the result.
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = found.get(bin) {
        return path.clone();
    }
    let directory = output_directory();
    let path = directory.join(bin);
    if !(is_built(&path) || is_fresh(&path)) {
        build(package, bin, &directory);
    }
    assert!(path.exists(), "the build of {package} did not create {}", path.display());
    found.insert(bin.to_owned(), path.clone());
    path
}

/// Returns the directory in which cargo puts programs, such as `target/debug`. Tests run from its
/// `deps`.
pub(crate) fn output_directory() -> PathBuf {
    let exe = std::env::current_exe()
        .unwrap_or_else(|error| panic!("can't find the test's own program: {error}"));
    let mut directory = exe.parent().unwrap_or(Path::new("/")).to_owned();
    if matches!(name_of(&directory), "deps" | "examples") {
        directory.pop();
    }
    directory
}

/// Reports whether the program that runs the tests has built this one before.
fn is_built(program: &Path) -> bool {
    std::env::var_os(BUILT).is_some() && program.exists()
}

/// Compares a program with its sources, which cargo lists in `PROGRAM.d`.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else { return false };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    // A space inside a path is escaped as `\ `.
    let sources = sources.replace("\\ ", "\0");
    sources
        .split_whitespace()
        .map(|source| source.replace('\0', " "))
        .all(|source| modified(Path::new(&source)).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

fn build(package: &str, bin: &str, directory: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = match name_of(directory) {
        "debug" => "dev",
        other => other,
    };
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--package", package, "--bin", bin, "--profile", profile])
        .arg("--target-dir")
        .arg(directory.parent().unwrap_or(directory))
        .current_dir(directory_of(package))
        .output();
    let output = output.unwrap_or_else(|error| panic!("can't run cargo to build {bin}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "can't build {bin} of {package}:\n{stderr}");
}

/// Returns the directory in which cargo finds a package: this crate's own, which outside of its
/// workspace cargo does not build as a dependency, or that of the package whose tests run.
#[allow(clippy::disallowed_methods, reason = "cargo passes values in the environment")]
fn directory_of(package: &str) -> PathBuf {
    let own = env!("CARGO_MANIFEST_DIR").to_owned();
    if package == env!("CARGO_PKG_NAME") {
        return own.into();
    }
    std::env::var("CARGO_MANIFEST_DIR").unwrap_or(own).into()
}

fn name_of(directory: &Path) -> &str {
    directory.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
