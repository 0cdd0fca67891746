//! The port mapper conforms to the specification, in every version and in both positions.

use cni_conformance::{Check, Profile, check};
use serde_json::json;

fn port_mapper(profile: Profile) -> Check {
    let mapping = json!({ "hostPort": 8000, "containerPort": 80, "protocol": "tcp" });
    check(env!("CARGO_BIN_EXE_mesos-cni-port-mapper"))
        .each_format()
        .profile(profile)
        .runtime_config(json!({ "portMappings": [mapping] }))
        .changed(json!({ "chain": "ANOTHER-CHAIN" }))
        .failing(json!({ "chain": "INPUT" }))
        .short_timeout(json!({ "wrapper": { "delegateTimeout": 1 } }))
}

#[test]
fn around_a_delegate_it_conforms_to_the_specification() {
    port_mapper(Profile::Wrapper).verdicts_in(reports("port-mapper-wrapper")).run();
}

#[test]
fn after_another_plugin_it_conforms_to_the_specification() {
    port_mapper(Profile::Chained).verdicts_in(reports("port-mapper-chained")).run();
}

/// Returns the path of the committed verdicts.
fn reports(name: &str) -> String {
    format!("{}/../../conformance/reports/this-repository/{name}.json", env!("CARGO_MANIFEST_DIR"))
}
