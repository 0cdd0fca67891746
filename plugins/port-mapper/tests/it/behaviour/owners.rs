//! Owners of host ports: conflicts, deleted containers, names, and rules of the original.

use cni_test_kit::{CallBuilder, Traffic};
use serde_json::{Value, json};

use super::checks::check;
use super::testbed::{
    NFTABLES, RulesTestbed, STATE, TrafficTestbed, files, own_rules, port, port_at,
};
use crate::common::{CHAIN, HOST, add, del, plugin, reached, tcp, unreached};

on_every_backend!(
    a_host_port_of_another_container_is_refused_and_its_owner_named,
    mappings_that_do_not_overlap_are_not_in_conflict,
    a_container_that_no_longer_exists_is_replaced_completely,
    a_container_whose_namespace_is_not_mounted_no_longer_exists,
    a_container_that_stops_does_not_disturb_the_others,
    long_ids_with_the_same_prefix_are_distinguished,
    adding_again_with_other_mappings_replaces_the_first,
    rules_of_the_original_conflict_until_the_del_of_their_container,
    host_ports_in_another_backend_are_refused_and_move_with_their_owner,
);

fn refusal(testbed: &RulesTestbed, id: &str, mapping: Value) -> String {
    let snapshot = || {
        let mut files = files(&testbed.host, STATE);
        files.retain(|name| name != "lock");
        (testbed.own_rules(), files)
    };
    let before = snapshot();
    let (code, msg, _) = testbed.runtime(id, json!([mapping])).run(plugin()).error();
    assert_eq!(code, 105, "{mapping} is in conflict: {msg}");
    assert_eq!(snapshot(), before, "a refused ADD changes nothing");
    msg
}

fn a_host_port_of_another_container_is_refused_and_its_owner_named(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let range = json!({"hostPort": 9000, "containerPort": 9000, "range": 10, "protocol": "tcp"});
    let taken = json!([port(8080, 80), port_at("203.0.113.1", 8081, 80), range]);
    add(&testbed.runtime("c1", taken));
    for mapping in [
        port(8080, 81),
        port_at("203.0.113.9", 8080, 80),
        port(8081, 80),
        port_at("0.0.0.0", 8081, 80),
        port_at("203.0.113.1", 8081, 80),
        port(9009, 80),
        json!({"hostPort": 8990, "containerPort": 1, "range": 11, "protocol": "tcp"}),
    ] {
        let msg = refusal(&testbed, "c2", mapping);
        let owner = "container c1 (network mesos, interface eth0)";
        assert!(msg.contains(owner), "the message names the owner: {msg}");
    }
    let adds = testbed.plugins.verbs().iter().filter(|verb| *verb == "inner ADD").count();
    let dels = testbed.plugins.verbs().iter().filter(|verb| *verb == "inner DEL").count();
    assert_eq!((adds, dels), (8, 7), "the delegate of each refused ADD was rolled back");
}

fn mappings_that_do_not_overlap_are_not_in_conflict(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let first = testbed.runtime("c1", json!([port(8080, 80), port_at("203.0.113.1", 8081, 80)]));
    add(&first);
    let udp = json!({"hostPort": 8080, "containerPort": 80, "protocol": "udp"});
    let others = [udp, port_at("203.0.113.2", 8081, 80), port(8079, 80), port(8082, 80)];
    for (number, mapping) in others.into_iter().enumerate() {
        let other = testbed.runtime(&format!("others{number}"), json!([mapping]));
        add(&other);
        check(&other).expect_success();
    }
    check(&first).expect_success();
}

fn a_container_that_no_longer_exists_is_replaced_completely(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let deleted = testbed.start("deleted", json!({}), json!([port(8080, 80), port(8081, 81)]));
    let live = testbed.start("live", json!({}), json!([port(8082, 80)]));
    deleted.container.delete();
    let next = testbed.start("next", json!({}), json!([port(8080, 80)]));
    let rules = testbed.own_rules();
    assert!(!rules.contains("container_id: deleted"), "none of its rules is left: {rules}");
    let state = files(&testbed.host, STATE).join(" ");
    assert!(!state.contains("deleted"), "nor any of its files: {state}");
    assert!(state.contains("live") && state.contains("next"), "others keep theirs: {state}");
    let _servers = [&live, &next].map(|running| running.container.serve(Traffic::Http, 80));
    for (port, name) in [(8080, "next"), (8082, "live")] {
        let answer = reached(&testbed.outside, HOST, port, "both live ones work");
        assert!(answer.starts_with(name), "{port} leads to {name}: {answer}");
    }
    deleted.call.clone().as_verb("DEL").run(plugin()).expect_success();
    reached(&testbed.outside, HOST, 8080, "its late DEL does not affect its successor");
}

fn a_container_whose_namespace_is_not_mounted_no_longer_exists(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("c1");
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns(&container.netns()));
    refusal(&testbed, "c2", port(8080, 80));
    testbed.host.run("umount /run/netns/c1");
    assert!(testbed.host.exists("/run/netns/c1"), "the file still exists, the mount does not");
    add(&testbed.call("c2", &[tcp(8080, 80)]));
}

fn a_container_that_stops_does_not_disturb_the_others(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let names = ["c1", "c10", "c1.x"];
    let running: Vec<_> = (8080..)
        .zip(names)
        .map(|(host_port, name)| testbed.start(name, json!({}), json!([port(host_port, 80)])))
        .collect();
    let _servers: Vec<_> =
        running.iter().map(|running| running.container.serve(Traffic::Http, 80)).collect();
    running[0].del();
    unreached(&testbed.outside, HOST, 8080, "the stopped container");
    for (host_port, name) in [(8081, "c10"), (8082, "c1.x")] {
        for (place, address) in [(&*testbed.outside, HOST), (&*testbed.host, "127.0.0.1")] {
            let answer = reached(place, address, host_port, "the others still work");
            assert!(answer.starts_with(&format!("{name} ")), "{host_port}: {answer}");
        }
    }
}

fn long_ids_with_the_same_prefix_are_distinguished(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let ids = ["a", "b"].map(|end| format!("{}{}", "x".repeat(200), end.repeat(55)));
    let calls =
        [0, 1].map(|index: u16| testbed.call(&ids[usize::from(index)], &[tcp(80 + index, 80)]));
    calls.iter().for_each(|call| drop(add(call)));
    let (code, msg, _) = testbed.call("c3", &[tcp(81, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "the second has its port: {msg}");
    let prev_result = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]});
    let check = |index: usize| {
        let call = calls[index].clone().key("prevResult", prev_result.clone());
        call.as_verb("CHECK").run(plugin())
    };
    del(&calls[0]);
    check(1).expect_success();
    assert_eq!(check(0).error().0, 103, "the first was removed");
    del(&calls[1]);
    assert_eq!(testbed.own_rules(), "", "both were removed");
}

fn adding_again_with_other_mappings_replaces_the_first(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80), tcp(8081, 80)]));
    add(&testbed.call("c1", &[tcp(8081, 80), tcp(8082, 80)]));
    add(&testbed.call("c2", &[tcp(8080, 80)]));
    assert_eq!(translations(&testbed.own_rules()), 3, "no container has too many ports");
    add(&testbed.call("c1", &[]));
    add(&testbed.call("c3", &[tcp(8081, 80)]));
    let rules = testbed.own_rules();
    assert!(!rules.contains("container_id: c1 "), "without mappings there is no rule: {rules}");
}

/// Returns the number of rules or elements that lead to a container.
fn translations(rules: &str) -> usize {
    let elements = rules.lines().filter(|line| line.contains("/targets4 ") && line.contains("->"));
    rules.matches("DNAT --to-dest").count() + elements.count()
}

/// Returns the variant of iptables to use: the backend itself, or the usual one for nftables.
fn iptables(testbed: &RulesTestbed) -> &'static str {
    if testbed.backend == NFTABLES { "iptables-nft" } else { testbed.backend }
}

/// Creates a rule like those of the original.
fn as_the_original(testbed: &RulesTestbed, id: &str, host_port: u16) {
    testbed.host.sh(&format!(
        "{} -w -t nat -A {CHAIN} ! -i mesos-cni0 -p tcp -m tcp --dport {host_port} \
         -j DNAT --to-destination 192.168.7.7:80 -m comment --comment 'container_id: {id}'",
        iptables(testbed)
    ));
}

fn rules_of_the_original_conflict_until_the_del_of_their_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let tool = |words: &str| testbed.host.run(&format!("{} -w {words}", iptables(&testbed)));
    tool(&format!("-t nat -N {CHAIN}"));
    tool(&format!("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j {CHAIN}"));
    tool(&format!("-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j {CHAIN}"));
    as_the_original(&testbed, "old1", 8080);
    as_the_original(&testbed, "old1", 8081);
    as_the_original(&testbed, "old10", 8082);
    let msg = refusal(&testbed, "new", port(8080, 80));
    assert!(msg.contains("container old1 "), "the original's owner is named: {msg}");
    del(&testbed.call("old1", &[]));
    let left = own_rules(&testbed.host, iptables(&testbed));
    assert!(!left.contains("\"container_id: old1\""), "its own DEL removes its rules: {left}");
    assert!(left.contains("\"container_id: old10\""), "and no others: {left}");
    let new = testbed.call("new", &[tcp(8080, 80)]);
    add(&new);
    refusal(&testbed, "new2", port(8082, 80));
    del(&new);
    del(&testbed.call("old10", &[]));
    assert_eq!(testbed.own_rules(), "", "no own rules are left");
    let left = own_rules(&testbed.host, iptables(&testbed));
    assert_eq!(left, "", "the original's chain and jumps are removed with the last rule");
}

fn host_ports_in_another_backend_are_refused_and_move_with_their_owner(backend: &'static str) {
    let other = if backend == NFTABLES { "iptables-legacy" } else { NFTABLES };
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("deleted");
    let switched = |call: CallBuilder| call.key("backend", json!(other));
    let deleted =
        testbed.call("deleted", &[tcp(8079, 80), tcp(8078, 80)]).netns(&container.netns());
    add(&switched(deleted.clone()));
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&switched(call.clone()));
    let msg = refusal(&testbed, "c2", port(8080, 80));
    assert!(msg.contains("container c1 "), "the owner is named: {msg}");

    add(&call);
    let rules = own_rules(&testbed.host, other);
    assert!(!rules.contains("container_id: c1 "), "an ADD in this backend moves them: {rules}");
    assert!(rules.contains("container_id: deleted "), "others stay there: {rules}");
    refusal(&testbed, "c2", port(8080, 80));
    container.delete();
    let next = testbed.call("next", &[tcp(8079, 80)]);
    add(&next);
    assert_eq!(
        own_rules(&testbed.host, other),
        "",
        "a container that no longer exists is replaced there, too"
    );

    [&call, &next].into_iter().for_each(|call| drop(del(call)));
    assert_eq!(testbed.own_rules(), "", "and every DEL finds its rules");
    assert_eq!(files(&testbed.host, STATE), ["lock"], "no file is left");
}
