//! A traced plugin conforms to the specification as it does without, in both positions.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn trace(profile: Profile) -> Check {
    check(env!("CARGO_BIN_EXE_cni-trace"))
        .each_format()
        .profile(profile)
        // The recording is meant to stay, but not on the machine that runs the test.
        .prepare("mount -t tmpfs none /var/log")
        .changed(json!({ "redact": ["colour"] }))
        .failing(json!({ "recordingFile": "relative" }))
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

#[test]
fn around_a_delegate_it_conforms_to_the_specification() {
    trace(Profile::Wrapper).verdicts_in(reports("trace-wrapper")).run();
}

#[test]
fn after_another_plugin_it_conforms_to_the_specification() {
    let why = "it stores nothing about attachments, so it can't know that there was a DEL";
    let check = trace(Profile::Chained).known("check.fails-after-del", why);
    check.verdicts_in(reports("trace-chained")).run();
}

/// Returns the path of a committed report.
fn reports(name: &str) -> String {
    format!("{}/../../conformance/reports/this-repository/{name}.json", env!("CARGO_MANIFEST_DIR"))
}
