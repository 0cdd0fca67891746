//! The examples conform to the specification in every version. `nothing`, which does less, is part
//! of `cargo xtask conformance`.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

use crate::common::example;

fn wrapper(name: &str) -> Check {
    check(example(name))
        .each_format()
        .profile(Profile::Wrapper)
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

/// Compares the verdicts with those of `cargo xtask conformance`.
fn published(name: &str) -> Check {
    wrapper(name).verdicts_in(format!(
        "{}/../../conformance/reports/this-repository/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    ))
}

#[test]
fn a_wrapper_that_changes_the_configuration_of_its_delegate_conforms() {
    published("limit-mtu").config(json!({ "maxMtu": 1400 })).run();
}

#[test]
fn a_wrapper_that_creates_files_on_the_host_conforms() {
    published("publish-hosts")
        .prepare("mkdir /run/conformance-hosts")
        .config(json!({ "hostsDir": "/run/conformance-hosts" }))
        .run();
}

#[test]
fn a_wrapper_that_works_in_the_containers_namespace_conforms() {
    wrapper("announce-addresses").run();
}

#[test]
fn a_wrapper_that_has_rules_on_the_host_conforms() {
    wrapper("egress-policy").config(json!({ "allow": ["10.0.0.0/8"] })).run();
}
