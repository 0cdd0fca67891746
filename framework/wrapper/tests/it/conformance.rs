//! The examples keep the specification in every version. (`nothing` does as well, which `cargo xtask conformance` shows: it does
//! less than these two.)

use cni_conformance::{Check, Profile, check};
use serde_json::json;

use crate::common::example;

fn wrapper(name: &str) -> Check {
    let verdicts = format!(
        "{}/../../conformance/reports/this-repository/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    check(example(name))
        .each_format()
        .profile(Profile::Wrapper)
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
        .verdicts_in(verdicts)
}

#[test]
fn a_wrapper_that_changes_what_the_delegate_is_told_keeps_the_specification() {
    wrapper("limit-mtu").config(json!({ "maxMtu": 1400 })).run();
}

#[test]
fn a_wrapper_that_keeps_something_on_the_host_keeps_the_specification() {
    wrapper("publish-hosts")
        .prepare("mkdir /run/conformance-hosts")
        .config(json!({ "hostsDir": "/run/conformance-hosts" }))
        .run();
}
