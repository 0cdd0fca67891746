//! The plugin that `cargo xtask new-plugin` creates compiles, passes its tests and conforms to the
//! specification without changes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::readme::root;

/// Runs a command that has to succeed, and returns its output.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{printed}", output.status);
    printed.into_owned()
}

#[test]
fn a_new_plugin_passes_all_checks_without_changes() {
    // The directory `tmp` of cargo's target directory.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("");
    let at = target.join("new-plugin/demo-wrapper");
    let _ = fs::remove_dir_all(&at);
    run(Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["new-plugin", "demo-wrapper", "--at"])
        .arg(&at));
    // The dependencies that this workspace uses and has compiled.
    fs::copy(root().join("Cargo.lock"), at.join("Cargo.lock")).expect("a lock file");
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(args).current_dir(&at).env("CARGO_TARGET_DIR", &target);
        // The profile of this workspace's dependencies, so that they are not compiled again.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
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

    let conformance = cni_test_kit::plugin_binary("cni-conformance", "cni-conformance");
    let plugin = target.join("debug/demo-wrapper");
    // The command of its README, with some of the cases: its own test judges it with all.
    let args = ["--profile", "wrapper", "--spec", "1.1.0", "version."];
    let printed = run(Command::new(conformance).arg("run").arg(plugin).args(args));
    assert!(printed.contains("0 fail"), "{printed}");
    fs::remove_dir_all(at).expect("removed");
}
