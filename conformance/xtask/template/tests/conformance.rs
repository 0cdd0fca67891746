//! The plugin keeps the specification in every version, around a delegate and after another plugin.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn subject(profile: Profile) -> Check {
    check(env!("CARGO_BIN_EXE_new-plugin"))
        .profile(profile)
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
