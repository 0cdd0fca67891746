//! The plugin keeps the specification, around a delegate and after another plugin: in one version
//! for each form of result, or in every version if CNI_CONFORMANCE_ALL=1 is set.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn subject(profile: Profile) -> Check {
    check(env!("CARGO_BIN_EXE_new-plugin"))
        .profile(profile)
        .each_format()
        // Other values for a second ADD, and values with which ADD fails.
        .changed(json!({ "addressesDir": "/run/elsewhere" }))
        .failing(json!({ "addressesDir": "here" }))
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

#[test]
fn around_a_delegate_it_keeps_the_specification() {
    subject(Profile::Wrapper).run();
}

#[test]
fn after_another_plugin_it_keeps_the_specification() {
    subject(Profile::Chained).run();
}
