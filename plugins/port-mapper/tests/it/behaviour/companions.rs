//! One container on several networks: Podman, nerdctl and go-cni give its ports to each of them.

use cni_test_kit::CallBuilder;
use serde_json::json;

use super::checks::check;
use super::testbed::{RulesTestbed, STATE, files, port};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin};

on_every_backend!(
    the_first_network_has_the_port_and_the_second_takes_over_when_it_is_disconnected,
    a_network_that_is_disconnected_first_changes_nothing,
    another_container_gets_the_port_only_after_the_last_network,
    after_a_firewall_reload_restore_gives_the_port_to_the_first_network_again,
    ports_that_only_the_second_network_has_are_mapped_at_once,
    a_container_that_is_gone_frees_the_ports_of_all_its_networks,
    the_del_after_a_killed_one_hands_the_port_over,
    check_finds_a_takeover_that_did_not_happen_and_accepts_one_that_did,
    a_network_whose_del_was_killed_does_not_take_over,
    the_same_id_in_another_network_namespace_is_another_container,
);

/// Returns an ADD of the container on a network, whose interface has the network's number.
fn on_network(testbed: &RulesTestbed, number: u8, mappings: serde_json::Value) -> CallBuilder {
    testbed
        .runtime("c1", mappings)
        .key("name", json!(format!("net{number}")))
        .ifname(&format!("eth{number}"))
}

fn both(testbed: &RulesTestbed) -> [CallBuilder; 2] {
    let calls = [1, 2].map(|number| on_network(testbed, number, json!([port(8080, 80)])));
    for call in &calls {
        add(call);
    }
    calls
}

/// Returns the networks that have rules.
fn with_rules(testbed: &RulesTestbed) -> Vec<&'static str> {
    let rules = testbed.own_rules();
    ["net1", "net2"]
        .into_iter()
        .filter(|name| rules.contains(&format!("network: {name} ")))
        .collect()
}

fn list(testbed: &RulesTestbed) -> String {
    CallBuilder::cli(&["list"]).within(&testbed.host).run(plugin()).expect_success().stdout
}

fn the_first_network_has_the_port_and_the_second_takes_over_when_it_is_disconnected(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let [first, second] = both(&testbed);
    assert_eq!(with_rules(&testbed), ["net1"], "the first answers");
    for call in [&first, &second] {
        check(call).expect_success();
    }
    assert!(list(&testbed).contains("on standby"), "{}", list(&testbed));
    del(&first);
    assert_eq!(with_rules(&testbed), ["net2"], "the second took over");
    check(&second).expect_success();
    del(&first);
    assert_eq!(with_rules(&testbed), ["net2"], "a repeated DEL changes nothing");
    del(&second);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_network_that_is_disconnected_first_changes_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [first, second] = both(&testbed);
    let before = testbed.own_rules();
    del(&second);
    assert_eq!(testbed.own_rules(), before);
    // It can be connected again, and repeated.
    add(&second);
    add(&second);
    add(&first);
    assert_eq!(testbed.own_rules(), before);
    del(&first);
    del(&second);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn another_container_gets_the_port_only_after_the_last_network(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [first, second] = both(&testbed);
    let other = testbed.runtime("c2", json!([port(8080, 80)]));
    for left in [&second, &first] {
        let (code, msg, _) = other.run(plugin()).error();
        assert_eq!(code, 105, "{msg}");
        assert!(msg.contains("belongs to container c1 "), "{msg}");
        del(left);
    }
    add(&other);
}

fn after_a_firewall_reload_restore_gives_the_port_to_the_first_network_again(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let _calls = both(&testbed);
    let before = testbed.own_rules();
    flush_firewall(&testbed.host, backend);
    CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin()).expect_success();
    assert_eq!(testbed.own_rules(), before);
}

fn ports_that_only_the_second_network_has_are_mapped_at_once(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&on_network(&testbed, 1, json!([port(8080, 80)])));
    let second = on_network(&testbed, 2, json!([port(8080, 80), port(8081, 81)]));
    add(&second);
    assert_eq!(with_rules(&testbed), ["net1", "net2"]);
    check(&second).expect_success();
}

fn a_container_that_is_gone_frees_the_ports_of_all_its_networks(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("c1");
    for number in [1, 2] {
        add(&on_network(&testbed, number, json!([port(8080, 80)])).netns(&container.netns()));
    }
    container.delete();
    let other = testbed.runtime("c2", json!([port(8080, 80)]));
    add(&other);
    assert_eq!(with_rules(&testbed), [""; 0], "both were removed");
    del(&other);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn the_same_id_in_another_network_namespace_is_another_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["one", "two"].map(|name| testbed.host.container(name));
    let first = on_network(&testbed, 1, json!([port(8080, 80)])).netns(&one.netns());
    add(&first);
    let second = on_network(&testbed, 2, json!([port(8080, 80)])).netns(&two.netns());
    let (code, msg, _) = second.run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("belongs to container c1 (network net1, "), "{msg}");
    assert_eq!(with_rules(&testbed), ["net1"]);
    let own = on_network(&testbed, 3, json!([port(8080, 80)])).netns(&one.netns());
    add(&own);
    del(&first);
    assert_eq!(with_rules(&testbed), [""; 0], "net3 is another network");
    assert!(testbed.own_rules().contains("network: net3 "), "the first one's second network");
}

/// Makes the claim of a network prepared, as a killed DEL leaves it.
fn reopen(testbed: &RulesTestbed, number: u8) {
    testbed.host.sh(&format!(
        "cd {STATE}; for file in $(grep -l '\"network\":\"net{number}\"' *.json); do
            mv $file .$file
        done"
    ));
}

fn the_del_after_a_killed_one_hands_the_port_over(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [first, second] = both(&testbed);
    reopen(&testbed, 1);
    del(&first);
    assert_eq!(with_rules(&testbed), ["net2"]);
    del(&second);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_network_whose_del_was_killed_does_not_take_over(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [first, second] = both(&testbed);
    reopen(&testbed, 2);
    del(&first);
    assert_eq!(with_rules(&testbed), [""; 0], "the runtime is about to delete it");
    del(&second);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn check_finds_a_takeover_that_did_not_happen_and_accepts_one_that_did(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let first = on_network(&testbed, 1, json!([port(8080, 80)]));
    let second = on_network(&testbed, 2, json!([port(8080, 80), port(9090, 90)]));
    add(&first);
    add(&second);
    // As if the second could not take over.
    testbed.host.sh(&format!("cd {STATE}; rm $(grep -l '\"network\":\"net1\"' *.json)"));
    let (code, msg, _) = check(&second).error();
    assert_eq!(code, 103, "{msg}");
    assert!(msg.contains("8080") && msg.contains("on standby"), "{msg}");
    del(&first);
    CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin()).expect_success();
    check(&second).expect_success();
}
