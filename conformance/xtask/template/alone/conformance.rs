//! The plugin keeps the specification in every version, around a delegate and after another plugin.
//!
//! It is judged by the program `cni-conformance`, which is installed once for all plugins:
//! `cargo install cni-conformance --bin cni-conformance`.

use std::{fs, process::Command};

use cni_test_kit::TempDir;
use serde_json::json;

fn keeps_the_specification(profile: &str) {
    let subject = json!({
        "plugin": env!("CARGO_BIN_EXE_new-plugin"),
        "profile": profile,
        // Other values for a second ADD, and values with which ADD fails.
        "changed": {"addressesDir": "/run/elsewhere"},
        "failing": {"addressesDir": "here"},
        "shortTimeout": {"wrapper": {"delegateTimeout": 1}},
    });
    let directory = TempDir::new();
    let file = directory.path().join("subject.json");
    fs::write(&file, subject.to_string()).expect("a subject file");
    let mut run = Command::new("cni-conformance");
    run.args(["run", "--level", "convention", "--subject"]).arg(file);
    let report = run.output().expect("cni-conformance is installed, see above");
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stdout));
}

#[test]
fn around_a_delegate_it_keeps_the_specification() {
    keeps_the_specification("wrapper");
}

#[test]
fn after_another_plugin_it_keeps_the_specification() {
    keeps_the_specification("chained");
}
