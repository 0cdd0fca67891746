//! Rules or files that were lost: those that are left count.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::json;

use super::checks::check;
use super::testbed::{
    NFTABLES, RulesTestbed, STATE, TrafficTestbed, files, own_rules, port, route_localnet,
};
use crate::common::own_rules::flush_firewall;
use crate::common::{PLUGINS, add, del, plugin, tcp};

on_every_backend!(
    a_port_of_a_live_container_is_not_given_away_after_a_flush,
    rules_without_files_are_listed_and_removed_by_force,
    any_call_puts_the_guard_back_after_a_flush,
    an_add_without_mappings_removes_the_rules_whose_file_is_damaged,
    two_state_directories_have_one_owner_of_a_port,
    a_del_in_one_state_directory_leaves_127_0_0_1_to_the_other,
    an_add_that_was_killed_while_it_changed_ports_keeps_the_old_one,
    after_the_dels_of_two_backends_nothing_of_either_is_left,
    a_lost_index_of_host_ports_is_made_again,
);

fn cli(testbed: &RulesTestbed, args: &[&str]) -> Outcome {
    CallBuilder::cli(args).within(&testbed.host).run(plugin())
}

fn a_port_of_a_live_container_is_not_given_away_after_a_flush(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let one = testbed.call("c1", &[tcp(8080, 80)]);
    add(&one);
    flush_firewall(&testbed.host, backend);
    for other in [tcp(8080, 80), json!({"host_port": 8080, "container_port": 81})] {
        let (code, msg, _) = testbed.call("c2", &[other]).run(plugin()).error();
        assert_eq!(code, 105, "{msg}");
        assert!(msg.contains("belongs to container c1 "), "{msg}");
    }
    cli(&testbed, &["restore"]).expect_success();
    check(&one).expect_success();
}

fn rules_without_files_are_listed_and_removed_by_force(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| testbed.call(id, &[tcp(8080, 80)]));
    add(&one);
    testbed.host.run(&format!("rm -r {STATE}"));
    let list = cli(&testbed, &["list"]).expect_success().stdout;
    assert!(list.contains("container c1 ") && list.contains("no record"), "{list}");
    let (code, msg, _) = two.run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("no record") && msg.contains("gc --force c1`"), "{msg}");
    let kept = cli(&testbed, &["gc"]).expect_success().stdout;
    assert!(kept.contains("kept container c1 "), "{kept}");
    let removed = cli(&testbed, &["gc", "--force", "c1"]).expect_success().stdout;
    assert!(removed.contains("removed container c1 "), "{removed}");
    assert_eq!(testbed.own_rules(), "");
    add(&two);
}

fn any_call_puts_the_guard_back_after_a_flush(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let mut delegate = testbed.network(json!({}))["delegate"].take();
    delegate["ipMasq"] = json!(false);
    let delegate = json!({"cniVersion": "1.0.0", "delegate": delegate});
    let running = testbed.start("c1", delegate.clone(), json!([port(8080, 80)]));
    running.del();
    let result = add(&running.call).json();
    let empty = testbed.start("empty", delegate, json!([]));
    assert!(route_localnet(&testbed.host, "mesos-cni0"));
    let guard = if backend == NFTABLES { "chain guard" } else { "-j PORT-MAPPER-GUARD" };
    let other = testbed.host.container("other");
    let mut network = testbed.network(json!({"cniVersion": "1.1.0", "snat": false}));
    // Debian's bridge has no GC, and its own rules are not the subject.
    network["delegate"]["cniVersion"] = json!("1.0.0");
    network["delegate"]["ipMasq"] = json!(false);
    let call = |id: &str, ports| {
        CallBuilder::add("mesos")
            .config(network.clone())
            .key("runtimeConfig", json!({"portMappings": ports}))
            .container_id(id)
            .netns(&other.netns())
            .within(&testbed.host)
            .cni_path(PLUGINS)
    };
    let valid = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let calls: [(&str, CallBuilder); 5] = [
        ("an ADD", call("other", json!([port(8081, 80)]))),
        ("its DEL", call("other", json!([port(8081, 80)])).as_verb("DEL")),
        ("a DEL without mappings", empty.call.clone().as_verb("DEL")),
        ("a DEL of an unknown container", call("unknown", json!([])).as_verb("DEL")),
        ("GC", call("c1", json!([])).as_verb("GC").key("cni.dev/valid-attachments", valid)),
    ];
    for (name, call) in calls {
        flush_firewall(&testbed.host, backend);
        assert!(!testbed.own_rules().contains(guard), "the flush removed it");
        call.run(plugin()).expect_success();
        assert!(testbed.own_rules().contains(guard), "{name}: {}", testbed.own_rules());
    }
    flush_firewall(&testbed.host, backend);
    let outcome = running.call.clone().as_verb("CHECK").key("prevResult", result).run(plugin());
    assert_eq!(outcome.error().0, 103, "the rules of the container are still missing");
    assert!(testbed.own_rules().contains(guard), "CHECK: {}", testbed.own_rules());
    running.del();
    assert_eq!(testbed.own_rules(), "");
    assert!(!route_localnet(&testbed.host, "mesos-cni0"));
}

fn an_add_without_mappings_removes_the_rules_whose_file_is_damaged(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    testbed.host.sh(&format!("for file in {STATE}/c1~*.json; do echo '{{' >$file; done"));
    let without = testbed.call("c1", &[]);
    add(&without);
    assert_eq!(testbed.own_rules(), "");
    del(&without);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn two_state_directories_have_one_owner_of_a_port(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let at = |id: &str, directory: &str| {
        testbed.call(id, &[tcp(8080, 80)]).key("stateDir", json!(directory))
    };
    let [one, two] = [at("c1", "/run/one"), at("c2", "/run/two")];
    add(&one);
    for reload in [false, true] {
        if reload {
            flush_firewall(&testbed.host, backend);
        }
        let (code, msg, _) = two.run(plugin()).error();
        assert_eq!(code, 105, "{msg}");
        assert!(msg.contains("container c1 ") && !msg.contains("no record"), "{msg}");
    }
    del(&one);
    add(&two);
    del(&two);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_del_in_one_state_directory_leaves_127_0_0_1_to_the_other(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let first = testbed.start("c1", json!({"stateDir": "/run/one"}), json!([port(8080, 80)]));
    let second = testbed.start("c2", json!({"stateDir": "/run/two"}), json!([port(8081, 80)]));
    first.del();
    assert!(route_localnet(&testbed.host, "mesos-cni0"), "the second needs it");
    second.del();
    assert!(!route_localnet(&testbed.host, "mesos-cni0"));
    assert_eq!(testbed.own_rules(), "");
}

fn an_add_that_was_killed_while_it_changed_ports_keeps_the_old_one(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    // As a repeated ADD with another port leaves it when it is killed after it changed the rules.
    testbed.host.sh(&format!(
        "cd {STATE}; for file in c1~*.json; do sed 's/8080/8081/' $file >.$file; done"
    ));
    flush_firewall(&testbed.host, backend);
    let (code, msg, _) = testbed.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    cli(&testbed, &["restore"]).expect_success();
    let rules = testbed.own_rules();
    assert!(rules.contains("8080") && !rules.contains("container_id: c2"), "{rules}");
}

fn after_the_dels_of_two_backends_nothing_of_either_is_left(backend: &'static str) {
    let other = if backend == NFTABLES { "iptables-nft" } else { NFTABLES };
    for first_is_last in [false, true] {
        let testbed = TrafficTestbed::new(backend);
        let first = testbed.start("c1", json!({}), json!([port(8080, 80)]));
        let second = testbed.start("c2", json!({"backend": other}), json!([port(8081, 80)]));
        for (backend, id) in [(backend, "c1"), (other, "c2")] {
            let rules = own_rules(&testbed.host, backend);
            assert!(rules.contains(&format!("container_id: {id} ")), "{backend}: {rules}");
        }
        let order = if first_is_last { [&second, &first] } else { [&first, &second] };
        order.into_iter().for_each(|running| running.del());
        for backend in [backend, other] {
            assert_eq!(own_rules(&testbed.host, backend), "", "{backend}, {first_is_last}");
        }
    }
}

fn a_lost_index_of_host_ports_is_made_again(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    testbed.host.run(&format!("rm -r {STATE}/ports"));
    flush_firewall(&testbed.host, backend);
    let (code, msg, _) = testbed.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
}
