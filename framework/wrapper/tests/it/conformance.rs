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
    published("limit-mtu")
        .config(json!({ "maxMtu": 1400 }))
        .failing(json!({ "maxMtu": "9000" }))
        .run();
}

#[test]
fn a_wrapper_that_creates_files_on_the_host_conforms() {
    published("publish-hosts")
        .prepare("mkdir /run/conformance-hosts")
        .config(json!({ "hostsDir": "/run/conformance-hosts" }))
        .failing(json!({ "hostsDir": ["/run/conformance-hosts"] }))
        .run();
}

const KEEPS_SELECTION: &str = "The file with the delegate of the container is kept until that \
                               delegate has cleaned up, since a repeated DEL goes to it.";

#[test]
fn a_wrapper_with_a_fallback_conforms() {
    wrapper("fallback")
        .config(json!({ "codes": [11] }))
        .changed(json!({ "codes": [12] }))
        .failing(json!({ "codes": "11" }))
        .known("del.cleans-although-delegate-fails", KEEPS_SELECTION)
        .known("gc.goes-on-after-an-error", KEEPS_SELECTION)
        .run();
}

#[test]
fn a_wrapper_that_passes_limits_of_labels_to_its_delegate_conforms() {
    wrapper("bandwidth-from-labels")
        .config(json!({ "bandwidthLabel": "rate" }))
        .failing(json!({ "bandwidthLabel": 1 }))
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
