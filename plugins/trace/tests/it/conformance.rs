//! A traced plugin keeps the specification as it does without, in both positions.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn trace(profile: Profile) -> Check {
    check(env!("CARGO_BIN_EXE_cni-trace"))
        .each_format()
        .profile(profile)
        // The recording is what is meant to stay, but not on the machine.
        .prepare("mount -t tmpfs none /var/log")
        .changed(json!({ "redact": ["colour"] }))
        .failing(json!({ "traceFile": "relative" }))
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

#[test]
fn around_a_delegate_it_keeps_the_specification() {
    trace(Profile::Wrapper).verdicts_in(reports("trace-wrapper")).run();
}

#[test]
fn after_another_plugin_it_keeps_the_specification() {
    let why = "it keeps nothing of an attachment, so it can't know that there was a DEL";
    let check = trace(Profile::Chained).known("check.fails-after-del", why);
    check.verdicts_in(reports("trace-chained")).run();
}

/// The verdicts that are committed.
fn reports(name: &str) -> String {
    format!("{}/../../conformance/reports/this-repository/{name}.json", env!("CARGO_MANIFEST_DIR"))
}
