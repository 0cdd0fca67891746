//! The programs of this workspace that are judged.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::outcome::Outcome;
use super::subjects::root;

const PLUGINS: [&str; 4] = ["mesos-cni-port-mapper", "cni-guard", "cni-label-policy", "cni-trace"];
const EXAMPLES: [&str; 5] =
    ["nothing", "limit-mtu", "publish-hosts", "fallback", "bandwidth-from-labels"];

/// Builds all programs. The whole workspace is selected as for the tests, so that dependencies are
/// not compiled again.
pub(crate) fn build() -> Outcome {
    let mut build = cargo(&["build", "--quiet", "--workspace", "--all-features"]);
    build.args(PLUGINS.iter().flat_map(|name| ["--bin", name]));
    build.args(EXAMPLES.iter().flat_map(|name| ["--example", name]));
    run(&mut build)
}

/// Returns the path of the program that a subject file calls `target/debug/PROGRAM`.
pub(crate) fn built(plugin: &Path) -> Outcome<PathBuf> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]).output();
    let metadata = metadata.map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Value = serde_json::from_slice(&metadata.stdout)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let target = metadata["target_directory"].as_str().unwrap_or("target");
    let path = plugin.strip_prefix("target").unwrap_or(plugin);
    Ok(Path::new(target).join(path))
}

fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_a_subject_file_is_where_cargo_builds() {
        let path = built(Path::new("target/debug/examples/nothing")).unwrap();
        // This test is in `debug/deps` of the same directory.
        let own = std::env::current_exe().unwrap();
        let target = own.ancestors().nth(3).unwrap();
        assert_eq!(path, target.join("debug/examples/nothing"));
    }
}
