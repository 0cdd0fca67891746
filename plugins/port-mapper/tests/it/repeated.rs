//! An ADD that is repeated without a DEL, and other ADDs that fail: what is undone and what is not.

use cni_test_kit::{CallBuilder, Container, Host, RepeatedAdd, Traffic};
use serde_json::{Value, json};

use crate::common::*;

on_every_backend!(
    a_repeated_add_around_bridge_leaves_the_container_reachable_through_its_port,
    an_add_whose_delegate_fails_half_way_is_rolled_back_completely,
    rules_that_lead_nowhere_are_removed_before_the_address_is_released,
    a_repeated_chained_add_that_fails_leaves_the_rules_of_the_first,
    a_container_with_a_wrong_delegate_type_can_be_destroyed,
);

fn network(backend: &str) -> Value {
    let mut network = example_network(&[]);
    network["backend"] = json!(backend);
    network
}

fn outside(host: &Host) -> cni_test_kit::Neighbour {
    host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24")
}

fn a_repeated_add_around_bridge_leaves_the_container_reachable_through_its_port(
    backend: &'static str,
) {
    let (host, plugin) = (Host::new(), plugin());
    let outside = outside(&host);
    let with_port = |container: &Container, port| mesos(&network(backend), container, &[port]);
    let add = |container: &Container| with_port(container, tcp(8080, 80));
    let repeated = RepeatedAdd::new(&host, &plugin, &add, &[]);
    repeated.fails_and_changes_nothing();
    repeated.is_refused_in_another_namespace();
    let _server = repeated.container.serve(Traffic::Http, 80);
    let answer = reached(&outside, HOST, 8080, "c1 is still mapped");
    assert!(answer.starts_with("c1 "), "{answer}");
    repeated
        .another_container_gets_another_address(&|container| with_port(container, tcp(8081, 80)));
    repeated.del_leaves_nothing();
    unreached(&outside, HOST, 8080, "nothing is mapped after DEL");
    assert_nothing_is_left(&host);
}

/// A network with one address.
fn narrow_network(backend: &str) -> Value {
    let mut network = network(backend);
    network["delegate"]["ipam"]["rangeStart"] = json!("192.168.0.2");
    network["delegate"]["ipam"]["rangeEnd"] = json!("192.168.0.2");
    network
}

fn an_add_whose_delegate_fails_half_way_is_rolled_back_completely(backend: &'static str) {
    let host = Host::new();
    let network = narrow_network(backend);
    add(&mesos(&network, &host.container("c1"), &[tcp(8080, 80)]));
    let container = host.container("c2");
    // The lock contains the id of the process that took it last.
    let snapshot = || host.snapshot().without("/lock ");
    let (before, inside) = (snapshot(), container.snapshot());
    // bridge creates the interface before host-local has no address for it.
    let (_, msg, details) = mesos(&network, &container, &[tcp(8081, 80)]).run(plugin()).error();
    assert!(msg.contains("no IP addresses available"), "{msg}: {details}");
    before.assert_same(&snapshot());
    inside.assert_same(&container.snapshot());
    assert!(!details.contains("left alone") && !details.contains("rollback"), "{details}");
}

/// The namespace was made again for the same container, for instance, without a DEL.
fn rules_that_lead_nowhere_are_removed_before_the_address_is_released(backend: &'static str) {
    let host = Host::new();
    let outside = outside(&host);
    let container = host.container("c1");
    let network = narrow_network(backend);
    let call = mesos(&network, &container, &[tcp(8080, 80)]);
    add(&call);
    container.run("ip link delete eth0");
    // The lease of the first ADD exists, so host-local refuses a second one.
    call.run(plugin()).error();
    // It gets the only address.
    let other = host.container("c2");
    add(&mesos(&network, &other, &[tcp(8081, 80)]));
    let _server = other.serve(Traffic::Http, 80);
    reached(&outside, HOST, 8081, "mapped");
    unreached(&outside, HOST, 8080, "the rules of c1 lead to c2");
}

/// Attaches a container with bridge, and returns the ADD of the port mapper that follows in a list.
fn chained(backend: &str, container: &Container, port: u16) -> CallBuilder {
    let call = CallBuilder::add("mesos").container(container).cni_path(PLUGINS);
    let bridge = network(backend)["delegate"].clone();
    let bridge = call.clone().config(bridge).key("cniVersion", json!("1.0.0"));
    let result = bridge.key("name", json!("mesos")).run("/usr/lib/cni/bridge").expect_success();
    let ours = json!({
        "cniVersion": "1.0.0", "name": "mesos", "backend": backend, "conflictTimeout": 0,
        "prevResult": result.json(),
    });
    let mapping = json!([{"hostPort": port, "containerPort": 80, "protocol": "tcp"}]);
    call.config(ours).key("runtimeConfig", json!({ "portMappings": mapping }))
}

fn a_repeated_chained_add_that_fails_leaves_the_rules_of_the_first(backend: &'static str) {
    let host = Host::new();
    let outside = outside(&host);
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let first = chained(backend, &c1, 8080);
    add(&first);
    add(&chained(backend, &c2, 8081));
    let mapping = json!([{"hostPort": 8081, "containerPort": 80, "protocol": "tcp"}]);
    let repeated = first.clone().key("runtimeConfig", json!({ "portMappings": mapping }));
    let (code, msg, details) = repeated.run(plugin()).error();
    assert_eq!(code, 105, "the port of c2: {msg}");
    let _server = c1.serve(Traffic::Http, 80);
    reached(&outside, HOST, 8080, "c1 keeps its port");
    assert!(details.contains("was left alone"), "{details}");
    del(&first);
    unreached(&outside, HOST, 8080, "DEL removes it");
}

/// Mesos keeps the configuration of the ADD, and repeats the DEL until it succeeds.
fn a_container_with_a_wrong_delegate_type_can_be_destroyed(backend: &'static str) {
    let host = Host::new();
    let container = host.container("c1");
    for wrong in ["bridg", "/usr/lib/cni/bridge"] {
        let mut network = network(backend);
        network["delegate"]["type"] = json!(wrong);
        let call = mesos(&network, &container, &[tcp(8080, 80)]);
        assert_eq!(call.run(plugin()).error().0, 7);
        let warning = del(&call).stderr;
        assert!(warning.contains(wrong) && warning.contains("no ADD can have"), "{warning}");
    }
    let call = mesos(&network(backend), &container, &[tcp(8080, 80)]);
    add(&call);
    let without_bridge = call.clone().cni_path("/none").as_verb("DEL");
    let (code, msg, _) = without_bridge.run(plugin()).error();
    assert!(code == 7 && msg.contains("restore it, then call DEL again"), "{code}: {msg}");
    del(&call);
    assert_nothing_is_left(&host);
}
