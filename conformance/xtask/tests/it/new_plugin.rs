//! The plugin that `cargo xtask new-plugin` creates compiles, passes its tests and conforms to the
//! specification without changes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use cni_test_kit::{TempDir, plugin_binary};

use crate::readme::root;

/// Runs a command that has to succeed, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let printed = printed(&output);
    assert!(output.status.success(), "{command:?}: {}\n{printed}", output.status);
    printed
}

fn printed(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    (String::from_utf8_lossy(&output.stdout) + stderr).into_owned()
}

/// Returns the command that creates a plugin in a directory.
fn new_plugin(name: &str, at: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["new-plugin", name, "--at"]).arg(at).args(options);
    command
}

/// The harness, like each plugin of this workspace, is installed next to the others.
fn path_with_harness() -> String {
    let harness = plugin_binary("cni-conformance", "cni-conformance");
    let directory = harness.parent().expect("a directory").display();
    format!("{directory}:{}", std::env::var_os("PATH").unwrap_or_default().display())
}

#[test]
fn a_new_plugin_passes_all_checks_without_changes() {
    // The directory `tmp` of cargo's target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("");
    let directory = TempDir::new();
    let at = directory.path().join("demo-wrapper");
    run(&mut new_plugin("demo-wrapper", &at, &["--path"]));
    // The dependencies that this workspace uses and has compiled.
    fs::copy(root().join("Cargo.lock"), at.join("Cargo.lock")).expect("a lock file");
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(args).current_dir(&at).env("CARGO_TARGET_DIR", &target);
        // The profile of this workspace's dependencies, so that they are not compiled again.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false").env("PATH", path_with_harness());
        cargo
    };
    let printed = run(&mut cargo(&["test", "--features", "host-tests"]));
    let passed = printed.matches(" ... ok").count();
    assert_eq!(passed, 8, "calls, traffic and conformance: {printed}");
    run(&mut cargo(&[
        "fmt",
        "--check",
        "--",
        "--config",
        "max_width=100,use_small_heuristics=Max",
    ]));
    let tree = run(&mut cargo(&["tree", "--prefix", "none"]));
    assert!(!tree.contains("cni-conformance"), "the harness is compiled: {tree}");
    for file in [".gitignore", ".github/workflows/ci.yml"] {
        assert!(at.join(file).exists(), "{file}");
    }
}

#[test]
fn in_a_workspace_of_the_author_a_new_plugin_becomes_a_member() {
    let directory = TempDir::new();
    let manifest = directory.path().join("Cargo.toml");
    for members in ["", "\"plugins/*\""] {
        let text = format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n");
        fs::write(&manifest, text).expect("written");
        let at = directory.path().join("plugins/demo-wrapper");
        run(&mut new_plugin("demo-wrapper", &at, &[]));
        let args = ["metadata", "--no-deps", "--format-version", "1"];
        let printed = run(Command::new("cargo").args(args).current_dir(directory.path()));
        assert!(printed.contains("\"name\":\"demo-wrapper\""), "{members}: {printed}");
        assert!(!printed.contains("warning"), "{members}: {printed}");
        assert!(!at.join(".github").exists(), "CI belongs to the workspace");
        fs::remove_dir_all(at).expect("removed");
    }
}

#[test]
fn a_plugin_is_not_created_with_the_name_of_another_one_or_inside_this_checkout() {
    let directory = TempDir::new();
    for (name, at) in [("bridge", directory.path().join("x")), ("demo", root().join("x"))] {
        let refused = new_plugin(name, &at, &[]).output().expect("it starts");
        assert!(!refused.status.success(), "{}", printed(&refused));
        assert!(!at.exists());
    }
}
