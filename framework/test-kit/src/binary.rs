//! Finds the programs of this workspace that tests run, and builds them when they are missing or
//! older than their sources: cargo builds only the binaries of the package whose tests it runs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

static FOUND: LazyLock<Mutex<HashMap<String, PathBuf>>> = LazyLock::new(Mutex::default);

/// The path of one of this crate's own programs, `cni-test-peer`, `cni-test-plugin` or `cni-test-fault`.
///
/// # Panics
/// When it is neither there nor can be built.
pub fn binary(name: &str) -> PathBuf {
    plugin_binary(env!("CARGO_PKG_NAME"), name)
}

/// The path of the program `bin` of the workspace's package `package`, up to date and in the same profile as the running test.
/// Tests may call it in parallel, in one process or in many.
///
/// # Panics
/// When it is neither there nor can be built.
pub fn plugin_binary(package: &str, bin: &str) -> PathBuf {
    // Held while building: the others wait for the result.
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = found.get(bin) {
        return path.clone();
    }
    let directory = output_directory();
    let path = directory.join(bin);
    if !is_fresh(&path) {
        build(package, bin, &directory);
    }
    assert!(path.exists(), "the build of {package} left no {}", path.display());
    found.insert(bin.to_owned(), path.clone());
    path
}

/// `target/debug` or the like: where cargo puts programs; tests run from its `deps`.
pub(crate) fn output_directory() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_else(|error| panic!("who am I? {error}"));
    let mut directory = exe.parent().unwrap_or(Path::new("/")).to_owned();
    if matches!(name_of(&directory), "deps" | "examples") {
        directory.pop();
    }
    directory
}

/// Cargo writes a file of dependencies beside each program, `PROGRAM: SOURCE SOURCE…`.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(list) = fs::read_to_string(program.with_extension("d")) else { return false };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    // A blank inside a path is written `\ `.
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
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let output = output.unwrap_or_else(|error| panic!("can't run cargo to build {bin}: {error}"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "can't build {bin} of {package}:\n{words}");
}

fn name_of(directory: &Path) -> &str {
    directory.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
