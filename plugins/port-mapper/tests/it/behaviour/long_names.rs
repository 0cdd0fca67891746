//! Ids and network names of any length: in a tag they may be abbreviated.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::{Value, json};

use super::testbed::{BRIDGE, NFTABLES, RulesTestbed, STATE, files, own_rules, route_localnet};
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    a_container_with_long_names_that_no_longer_exists_is_replaced_completely,
    a_container_with_long_names_is_replaced_in_another_backend,
    gc_removes_the_attachments_with_long_names_that_are_not_valid,
);

/// The lengths of an id and a network name: those of containerd in a network with a long name,
/// those of nested containers of Mesos, and longer ones, since the specification sets no limit.
const LENGTHS: [(usize, usize); 4] = [(64, 30), (73, 10), (220, 30), (255, 255)];

/// Returns an id of this length, whose first letters are the same for all numbers.
fn id(number: usize, length: usize) -> String {
    format!("{}{number}", "0123456789abcdef".repeat(16).split_at(length - 1).0)
}

/// Returns a host with a network of this name, on which the container is reached through 127.0.0.1.
fn testbed(backend: &'static str, length: usize) -> RulesTestbed {
    let mut testbed = RulesTestbed::new(backend);
    testbed.network["name"] = json!("network-of-this-cluster-".repeat(11).split_at(length).0);
    testbed.host.run(&format!("ip link add {BRIDGE} type bridge"));
    testbed.host.run(&format!("ip address add 10.0.0.1/24 dev {BRIDGE}"));
    testbed.host.run(&format!("ip link set {BRIDGE} up"));
    testbed
}

fn a_container_with_long_names_that_no_longer_exists_is_replaced_completely(backend: &'static str) {
    for (id_length, network_length) in LENGTHS {
        let testbed = testbed(backend, network_length);
        let container = testbed.host.container("c1");
        let [dead, next] = [1, 2].map(|number| id(number, id_length));
        add(&testbed.call(&dead, &[tcp(8080, 80), tcp(8081, 80)]).netns(&container.netns()));
        assert!(testbed.own_rules().contains('~'), "a name is abbreviated");
        let (code, msg, _) = testbed.call(&next, &[tcp(8080, 80)]).run(plugin()).error();
        assert_eq!(code, 105, "while it lives, its port is refused: {msg}");
        container.delete();
        let next = testbed.call(&next, &[tcp(8080, 80)]);
        add(&next);
        assert_eq!(claims(&testbed), 1, "the file of the dead one is removed");
        del(&next);
        assert_eq!(testbed.own_rules(), "", "{id_length} and {network_length} letters");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "also those of route_localnet");
        assert!(!route_localnet(&testbed.host, BRIDGE), "it is disabled again");
    }
}

fn a_container_with_long_names_is_replaced_in_another_backend(backend: &'static str) {
    let other = if backend == NFTABLES { "iptables-legacy" } else { NFTABLES };
    for (id_length, network_length) in LENGTHS {
        let testbed = testbed(backend, network_length);
        let container = testbed.host.container("c1");
        let [dead, next] = [1, 2].map(|number| id(number, id_length));
        let call = testbed.call(&dead, &[tcp(8080, 80)]).netns(&container.netns());
        add(&call.key("backend", json!(other)));
        let rules = own_rules(&testbed.host, other);
        assert!(rules.contains("container_id: "), "its rules are in {other}: {rules}");
        container.delete();
        let next = testbed.call(&next, &[tcp(8080, 80)]);
        add(&next);
        assert_eq!(own_rules(&testbed.host, other), "", "its rules are removed");
        assert_eq!(claims(&testbed), 1, "and its file");
        del(&next);
        assert_eq!(files(&testbed.host, STATE), ["lock"], "also those of route_localnet");
    }
}

/// Returns the number of claims.
fn claims(testbed: &RulesTestbed) -> usize {
    let files = files(&testbed.host, STATE);
    files.iter().filter(|name| name.ends_with(".json") && !name.contains('/')).count()
}

fn gc(call: &CallBuilder, valid: &[&str]) -> Outcome {
    let valid: Vec<Value> =
        valid.iter().map(|id| json!({"containerID": id, "ifname": "eth0"})).collect();
    let call = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!(valid));
    call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME").without_netns().run(plugin())
}

fn gc_removes_the_attachments_with_long_names_that_are_not_valid(backend: &'static str) {
    for (id_length, network_length) in LENGTHS {
        let testbed = testbed(backend, network_length);
        let ids = [1, 2, 3].map(|number| id(number, id_length));
        let calls: Vec<_> =
            (8080..).zip(&ids).map(|(port, id)| testbed.call(id, &[tcp(port, 80)])).collect();
        calls.iter().for_each(|call| drop(add(call)));
        // The last one has rules and no file.
        testbed.host.sh(&format!("rm $(grep -l {} {STATE}/*.json)", ids[2]));
        gc(&calls[0], &[&ids[0], &ids[1], &ids[2]]).expect_success();
        for port in 8080..8083 {
            assert!(testbed.own_rules().contains(&port.to_string()), "{port}: all are valid");
        }
        gc(&calls[0], &[&ids[0]]).expect_success();
        let rules = testbed.own_rules();
        assert!(rules.contains("8080"), "the valid one keeps its port: {rules}");
        assert!(!rules.contains("8081") && !rules.contains("8082"), "others do not: {rules}");
        assert_eq!(claims(&testbed), 1);
        del(&calls[0]);
        assert_eq!(testbed.own_rules(), "");
    }
}
