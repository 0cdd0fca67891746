//! The life of an author, with nothing but the packages: a new plugin, its tests, and the harness.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::PublicCrate;
use crate::new_plugin;
use crate::run::{Outcome, cargo_path, line, root, run, target_directory};
use cni_output::outln;

const PLUGIN: &str = "address-book";

/// The tests of a new plugin: five of calls, one with traffic, two of the harness.
const TESTS: usize = 8;

/// Hides the repository in a mount namespace of its own, and runs a program.
const HIDE: &str = "mount -t tmpfs none \"$0\" && exec \"$@\"";

/// Creates a plugin in a directory outside of the repository, and runs its tests with the packages
/// of the crates, while the repository can't be seen.
pub(super) fn test(crates: &[PublicCrate]) -> Outcome {
    let place = Place::new()?;
    let packages = place.0.join("packages");
    crates.iter().try_for_each(|krate| unpack(krate, &packages))?;
    // cargo looks for it from the working directory upwards.
    write(&place.0.join(".cargo/config.toml"), &replacements(crates, &packages))?;
    let plugin = place.0.join(PLUGIN);
    new_plugin::from_published_crates(PLUGIN, &plugin)?;
    // The versions of other projects' crates that are tested here.
    copy_lock(&plugin)?;
    let harness = crates.iter().find(|krate| krate.name == "cni-conformance");
    let harness = harness.ok_or("cni-conformance is not among the crates that are published")?;
    let manifest = packages.join(directory_of(harness)).join("Cargo.toml");
    let mut build = place.cargo(&place.0, &["build", "--quiet", "--bin", "cni-conformance"]);
    outln!("compiling the harness from its package");
    run(build.arg("--manifest-path").arg(manifest))?;
    outln!("running the tests of a new plugin");
    let mut test = place.cargo(&plugin, &["test", "--features", "host-tests"]);
    let output = test.stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("{}: {error}", line(&test)))?;
    passed_all(&String::from_utf8_lossy(&output.stdout))
}

/// A directory for one run, which is removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("cni-packages-{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Returns a command of cargo that does not see the repository, but the harness in its PATH.
    fn cargo(&self, directory: &Path, args: &[&str]) -> Command {
        let target = self.0.join("target");
        let mut path = target.join("debug").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", HIDE]).arg(root());
        command.arg(cargo_path()).args(args).current_dir(directory);
        command.env("PATH", path).env("CARGO_TARGET_DIR", target);
        command.env("CARGO_PROFILE_DEV_DEBUG", "false");
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn directory_of(krate: &PublicCrate) -> String {
    format!("{}-{}", krate.name, krate.version)
}

fn unpack(krate: &PublicCrate, packages: &Path) -> Outcome {
    let package = format!("package/{}.crate", directory_of(krate));
    fs::create_dir_all(packages).map_err(|error| format!("{}: {error}", packages.display()))?;
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(target_directory()?.join(package)).arg("-C").arg(packages);
    run(&mut tar).map(drop).map_err(|problem| format!("{}: {problem}", line(&tar)))
}

/// Returns settings of cargo with which the packages replace crates of the registry.
fn replacements(crates: &[PublicCrate], packages: &Path) -> String {
    let replacement = |krate: &PublicCrate| {
        let path = packages.join(directory_of(krate));
        format!("{} = {{ path = {path:?} }}\n", krate.name)
    };
    let replacements: String = crates.iter().map(replacement).collect();
    format!("[patch.crates-io]\n{replacements}")
}

fn copy_lock(plugin: &Path) -> Outcome {
    let copied = fs::copy(root().join("Cargo.lock"), plugin.join("Cargo.lock"));
    copied.map(drop).map_err(|error| format!("Cargo.lock: {error}"))
}

fn write(path: &Path, text: &str) -> Outcome {
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn passed_all(output: &str) -> Outcome {
    let passed = output.matches(" ... ok").count();
    if passed == TESTS {
        outln!("{passed} tests passed");
        return Ok(());
    }
    Err(format!("{passed} tests of the new plugin passed, not {TESTS}:\n{output}"))
}
