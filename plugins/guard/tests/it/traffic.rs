//! The network in the README, with real traffic over Debian's bridge plugin.

use cni_test_kit::{CallBuilder, Container, Host, RepeatedAdd, Traffic};
use serde_json::{Value, json};

use crate::common::plugin;

const PLUGINS: &str = "/usr/lib/cni";

/// Returns the first JSON block in the README.
fn readme_network() -> Value {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let (_, rest) = readme.split_once("```json\n").expect("a block of JSON");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    serde_json::from_str(block).expect("valid JSON")
}

fn call(container: &Container, network: &Value) -> CallBuilder {
    CallBuilder::add("mesos").config(network.clone()).cni_path(PLUGINS).container(container)
}

fn links(container: &Container) -> Vec<String> {
    let links = container.run("ip -br link");
    links.lines().map(|line| line.split([' ', '@']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn traffic_flows_and_a_refused_add_leaves_nothing() {
    let host = Host::new();
    let mut network = readme_network();
    let container = host.container("c1");
    let add = call(&container, &network);
    let result = add.run(plugin()).expect_success().json();
    let address = result["ip4"]["ip"].as_str().expect("an address of the 0.2.0 form");
    let address = address.split('/').next().unwrap_or_default();
    let server = container.serve(Traffic::Http, 80);
    let url = format!("http://{address}:80/");
    host.fetch(&url).unwrap_or_else(|why| panic!("the host reaches {url}: {why}"));
    drop(server);

    // The range is outside the subnet, so each ADD fails until the breaker refuses it.
    network["delegate"]["ipam"]["subnet"] = "10.67.0.0/30".into();
    network["delegate"]["ipam"]["rangeStart"] = "10.67.0.9".into();
    // Open for longer than the rest of the test takes on any machine.
    network["guard"]["circuitBreaker"] =
        json!({ "failureThreshold": 1, "openFor": 3600, "maxOpenFor": 3600 });
    let other = host.container("c2");
    let failing = call(&other, &network);
    failing.run(plugin()).error();
    let before = host.snapshot();
    let (code, msg, _) = failing.run(plugin()).error();
    assert!(code == 11 && msg.contains("the circuit breaker is open"), "{code}: {msg}");
    before.assert_same(&host.snapshot());
    assert_eq!(links(&other), ["lo"], "it has no interface");

    add.as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(links(&container), ["lo"], "DEL is not refused while the breaker is open");
}

#[test]
fn a_repeated_add_fails_and_leaves_the_attached_container_as_it_was() {
    let (host, plugin, network) = (Host::new(), plugin(), readme_network());
    let add = |container: &Container| call(container, &network);
    let growing = ["/run/cni-guard", "cni-guard/"];
    let repeated = RepeatedAdd::new(&host, &plugin, &add, &growing);
    repeated.fails_and_changes_nothing();
    repeated.is_refused_in_another_namespace();
    repeated.another_container_gets_another_address(&add);
    repeated.del_leaves_nothing();
}

#[test]
fn an_add_that_fails_after_the_interface_exists_is_rolled_back_and_retried_from_scratch() {
    let host = Host::new();
    let mut network = readme_network();
    // A pool with one address: bridge creates the second interface before host-local refuses.
    network["delegate"]["ipam"]["rangeStart"] = "10.66.0.2".into();
    network["delegate"]["ipam"]["rangeEnd"] = "10.66.0.2".into();
    network["guard"]["retry"] = json!({"codes": [999], "maxAttempts": 3, "backoff": 0.01});
    call(&host.container("c1"), &network).run(plugin()).expect_success();
    let container = host.container("c2");
    let (_, msg, details) = call(&container, &network).run(plugin()).error();
    assert!(!msg.contains("already exists"), "an attempt met the leftovers of another: {msg}");
    assert!(!details.contains("left alone") && !details.contains("rollback"), "{details}");
    assert_eq!(links(&container), ["lo"]);
}
