//! An ADD of an attachment that exists already, for another network namespace.

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, TempDir, Traffic};
use serde_json::{Value, json};

use crate::common::own_rules::own_rules;
use crate::common::*;
use crate::programs::executable;

on_every_backend!(
    a_container_with_a_static_address_keeps_its_port_and_its_rules,
    a_chained_add_changes_nothing,
    an_attachment_without_mappings_is_left_alone_too,
    a_namespace_that_has_ended_is_replaced,
    the_same_namespace_at_another_path_is_not_another_one,
    a_namespace_that_cant_be_seen_counts_as_alive,
);

fn network(backend: &str, ipam: Option<&Value>) -> Value {
    let mut network = example_network(&[]);
    network["backend"] = json!(backend);
    if let Some(ipam) = ipam {
        network["delegate"]["ipam"] = ipam.clone();
    }
    network
}

fn static_address() -> Value {
    let address = json!({"address": "192.168.0.5/16", "gateway": "192.168.0.1"});
    json!({"type": "static", "addresses": [address], "routes": [{"dst": "0.0.0.0/0"}]})
}

fn outside(host: &Host) -> Neighbour {
    host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24")
}

/// Returns an ADD of container c1 in the namespace of `place`.
fn c1(network: &Value, place: &Container, mappings: &[Value]) -> CallBuilder {
    mesos(network, place, mappings).container_id("c1")
}

/// Attaches c1 with bridge, and returns the ADD of the port mapper that follows in a list.
fn chained(backend: &str, place: &Container, ipam: Option<&Value>) -> CallBuilder {
    let call = CallBuilder::add("mesos").container(place).container_id("c1").cni_path(PLUGINS);
    let bridge = call.clone().config(network(backend, ipam)["delegate"].clone());
    let bridge = bridge.key("cniVersion", json!("1.0.0")).key("name", json!("mesos"));
    let result = bridge.run("/usr/lib/cni/bridge").expect_success();
    let mapping = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    call.config(json!({"cniVersion": "1.0.0", "name": "mesos", "backend": backend}))
        .key("prevResult", result.json())
        .key("runtimeConfig", json!({ "portMappings": mapping }))
}

/// Runs an ADD that must be refused, and must change nothing on the host and in the namespaces.
#[track_caller]
fn assert_is_refused(add: &CallBuilder, host: &Host, places: [&Container; 2]) -> String {
    let snapshots = || [host.snapshot(), places[0].snapshot(), places[1].snapshot()];
    let before = snapshots();
    let (code, msg, _) = add.run(plugin()).error();
    for (before, after) in before.iter().zip(&snapshots()) {
        before.assert_same(after);
    }
    assert_eq!(code, 4, "{msg}");
    for part in ["CNI_NETNS", "eth0 of container c1", &places[1].netns(), "call DEL"] {
        assert!(msg.contains(part), "{part}: {msg}");
    }
    msg
}

fn a_container_with_a_static_address_keeps_its_port_and_its_rules(backend: &'static str) {
    let host = Host::new();
    let (outside, network) = (outside(&host), network(backend, Some(&static_address())));
    let (first, other) = (host.container("c1"), host.container("other"));
    let call = c1(&network, &first, &[tcp(8080, 80)]);
    add(&call);
    let again = c1(&network, &other, &[tcp(8081, 80)]);
    let msg = assert_is_refused(&again, &host, [&first, &other]);
    assert!(msg.contains(&format!("{} (net:[", first.netns())), "{msg}");
    let _server = first.serve(Traffic::Http, 80);
    reached(&outside, HOST, 8080, "c1 is still mapped");
    del(&call);
    unreached(&outside, HOST, 8080, "DEL removes it");
    add(&again);
    del(&again);
    assert_nothing_is_left(&host);
}

fn a_chained_add_changes_nothing(backend: &'static str) {
    let ipam = static_address();
    for ipam in [None, Some(&ipam)] {
        let host = Host::new();
        let (first, other) = (host.container("c1"), host.container("other"));
        let call = chained(backend, &first, ipam);
        add(&call);
        let again = match ipam {
            // Then host-local refuses, and a list does not get to the port mapper.
            None => call.clone().netns(&other.netns()),
            Some(_) => chained(backend, &other, ipam),
        };
        assert_is_refused(&again, &host, [&first, &other]);
        del(&call);
        add(&again);
        del(&again);
        assert_nothing_is_left(&host);
    }
}

fn an_attachment_without_mappings_is_left_alone_too(backend: &'static str) {
    let host = Host::new();
    let (first, other) = (host.container("c1"), host.container("other"));
    for ipam in [None, Some(&static_address())] {
        let network = network(backend, ipam);
        let call = c1(&network, &first, &[]);
        add(&call);
        assert_is_refused(&c1(&network, &other, &[tcp(8080, 80)]), &host, [&first, &other]);
        del(&call);
    }
}

fn a_namespace_that_has_ended_is_replaced(backend: &'static str) {
    let network = network(backend, Some(&static_address()));
    for name in ["c1", "other"] {
        let host = Host::new();
        let first = host.container("c1");
        add(&c1(&network, &first, &[tcp(8080, 80)]));
        first.delete();
        let next = host.container(name);
        let call = c1(&network, &next, &[tcp(8081, 80)]);
        add(&call);
        let rules = own_rules(&host, backend);
        assert!(rules.contains("8081") && !rules.contains("8080"), "{rules}");
        del(&call);
        assert_nothing_is_left(&host);
    }
}

fn the_same_namespace_at_another_path_is_not_another_one(backend: &'static str) {
    let host = Host::new();
    let container = host.container("c1");
    let netns = container.netns();
    host.sh(&format!(
        "touch /run/mounted && mount --bind {netns} /run/mounted && ln -s {netns} /run/link"
    ));
    let process = host.sh(&format!("nsenter --net={netns} sleep 600 >/dev/null 2>&1 & echo $!"));
    let of_process = format!("/proc/{}/ns/net", process.trim());
    let entered = host.sh(&format!("stat -Lc %i {netns}"));
    wait_until("the process is in the namespace", || {
        host.sh(&format!("stat -Lc %i {of_process}")) == entered
    });
    let paths = [netns.as_str(), "/run/mounted", "/run/link", &of_process];
    let call = chained(backend, &container, None);
    for first in paths {
        add(&call.clone().netns(first));
        for path in paths {
            add(&call.clone().netns(path));
        }
        del(&call);
    }
    host.run(&format!("kill {}", process.trim()));
}

fn a_namespace_that_cant_be_seen_counts_as_alive(backend: &'static str) {
    let (host, directory) = (Host::new(), TempDir::new());
    let (first, other) = (host.container("c1"), host.container("other"));
    let script = directory.path().join("plugin");
    let text = format!(
        "exec unshare --mount --propagation private sh -c 'touch /run/hidden &&
            mount --bind {} /run/hidden && exec \"$0\"' '{}'",
        first.netns(),
        plugin().display()
    );
    executable(&script, &text);
    let call = chained(backend, &first, Some(&static_address())).netns("/run/hidden");
    call.run(&script).expect_success();
    let again = chained(backend, &other, Some(&static_address()));
    let msg = assert_is_refused(&again, &host, [&first, &other]);
    assert!(msg.contains("/run/hidden") && msg.contains("can't be seen from here"), "{msg}");
    del(&call);
    add(&again);
}
