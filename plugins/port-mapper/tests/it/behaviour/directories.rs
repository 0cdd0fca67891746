//! State directories and the record of the host: several, hidden, refused, of an earlier version.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use cni_test_kit::{CallBuilder, TempDir};
use serde_json::json;

use super::testbed::{NFTABLES, RulesTestbed, STATE, TrafficTestbed, files, port, route_localnet};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    a_state_directory_that_is_hidden_from_a_call_keeps_its_ports,
    a_network_namespace_of_its_own_has_a_record_of_its_own,
    a_default_directory_that_is_refused_does_not_disturb_another_one,
    what_an_earlier_version_recorded_in_a_state_directory_is_taken_over,
    claims_of_an_earlier_version_are_entered_into_the_index,
    an_add_that_needs_no_guard_puts_it_back,
    a_del_finds_the_claim_in_the_directory_of_its_add,
    restore_recreates_the_rules_of_all_state_directories,
);

on_both_iptables!(a_del_succeeds_although_the_guard_cannot_be_put_back);

fn at(testbed: &RulesTestbed, id: &str, directory: &str) -> CallBuilder {
    testbed.call(id, &[tcp(8080, 80)]).key("stateDir", json!(directory))
}

/// Returns a script that runs the plugin after, or by, these commands.
fn script(directory: &TempDir, commands: &str) -> PathBuf {
    let script = directory.path().join("plugin");
    let text = format!("#!/bin/sh\n{commands} '{}'\n", plugin().display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

fn a_state_directory_that_is_hidden_from_a_call_keeps_its_ports(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let (temporary, one) = (TempDir::new(), at(&testbed, "c1", "/run/deep/one"));
    let hidden = "exec unshare --mount --propagation private \
                  sh -c 'mount -t tmpfs none /run/deep && exec \"$0\"'";
    add(&one);
    flush_firewall(&testbed.host, backend);
    let two = at(&testbed, "c2", STATE);
    let (code, msg, _) = two.run(script(&temporary, hidden)).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains("/run/deep/one") && msg.contains("mount namespace"), "{msg}");
    assert_eq!(two.run(plugin()).error().0, 105, "and is not forgotten");
    del(&one);
    add(&two);
}

fn a_network_namespace_of_its_own_has_a_record_of_its_own(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let (temporary, _inner) = (TempDir::new(), testbed.host.container("inner"));
    let within = script(&temporary, "exec nsenter --net=/run/netns/inner");
    let container = testbed.host.container("c1");
    let inside = at(&testbed, "c1", "/run/inner").netns(&container.netns());
    inside.run(&within).expect_success();
    // The same port is free on the host, whose directory can be used.
    let outside = testbed.call("c2", &[tcp(8080, 80)]);
    add(&outside);
    let modes = testbed.host.sh(&format!("find {STATE} -type d -printf '%m '"));
    assert!(modes.split_whitespace().all(|mode| mode == "700"), "{modes}");
    assert_eq!(
        testbed.call("c3", &[tcp(8080, 80)]).run(plugin()).error().0,
        105,
        "each has its own ports"
    );
    inside.as_verb("DEL").run(&within).expect_success();
    del(&outside);
}

fn a_default_directory_that_is_refused_does_not_disturb_another_one(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.run(&format!("mkdir -m 755 {STATE}"));
    let call = at(&testbed, "c1", "/run/one");
    add(&call);
    for _ in 0..2 {
        del(&call);
    }
    del(&at(&testbed, "unknown", "/run/one"));
    assert_eq!(testbed.own_rules(), "");
}

fn what_an_earlier_version_recorded_in_a_state_directory_is_taken_over(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let running = testbed.start("c1", json!({"stateDir": "/run/one"}), json!([port(8080, 80)]));
    testbed.host.run(&format!("mv {STATE}/route_localnet /run/one/route_localnet"));
    let other = testbed.start("c2", json!({"snat": false}), json!([port(8081, 80)]));
    other.del();
    running.del();
    assert!(!route_localnet(&testbed.host, "mesos-cni0"), "it was enabled by an ADD");
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, "/run/one"), [""; 0]);
}

fn claims_of_an_earlier_version_are_entered_into_the_index(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let one = at(&testbed, "c1", "/run/one");
    add(&one);
    // Another directory is in use already when the first one's claims are new to the index.
    testbed.host.run(&format!("rm -r {STATE}/ports"));
    let other = testbed.runtime("c2", json!([port(9000, 80)]));
    add(&other.key("stateDir", json!("/run/two")));
    del(&one.clone().container_id("unknown"));
    flush_firewall(&testbed.host, backend);
    let (code, msg, _) = at(&testbed, "c3", "/run/two").run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("container c1 "), "{msg}");
}

fn a_del_succeeds_although_the_guard_cannot_be_put_back(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let _running = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let empty = testbed.start("empty", json!({}), json!([]));
    flush_firewall(&testbed.host, backend);
    for id in ["empty", "empty", "unknown"] {
        let call = empty.call.clone().container_id(id).as_verb("DEL").env("PATH", "/nonexistent");
        let outcome = call.key("delegate", json!({"type": "loopback"})).run(plugin());
        let outcome = outcome.expect_success();
        assert!(outcome.stderr.contains("may be missing"), "{id}: {}", outcome.stderr);
    }
}

fn an_add_that_needs_no_guard_puts_it_back(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let _running = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let guard = if backend == NFTABLES { "chain guard" } else { "-j PORT-MAPPER-GUARD" };
    let six = json!([{"hostIP": "::", "hostPort": 8081, "containerPort": 80}]);
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "fd00::2/64"}]});
    for (name, mappings) in [("without mappings", json!([])), ("with IPv6 only", six)] {
        flush_firewall(&testbed.host, backend);
        let call = CallBuilder::add("mesos")
            .config(testbed.network(json!({"cniVersion": "1.0.0", "delegate": null})))
            .key("prevResult", result.clone())
            .key("runtimeConfig", json!({ "portMappings": mappings }))
            .container_id("c2")
            .netns("/proc/1/ns/mnt")
            .within(&testbed.host);
        for verb in ["ADD", "DEL"] {
            flush_firewall(&testbed.host, backend);
            call.clone().as_verb(verb).run(plugin()).expect_success();
            assert!(testbed.own_rules().contains(guard), "{verb} {name}: {}", testbed.own_rules());
        }
    }
}

fn a_del_finds_the_claim_in_the_directory_of_its_add(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&at(&testbed, "c1", "/run/one"));
    assert_eq!(files(&testbed.host, "/run/one").len(), 1, "the claim is there");
    del(&at(&testbed, "c1", STATE));
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, "/run/one"), [""; 0]);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn restore_recreates_the_rules_of_all_state_directories(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&at(&testbed, "c1", "/run/one"));
    let before = testbed.own_rules();
    flush_firewall(&testbed.host, backend);
    let restored = CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin());
    assert!(restored.expect_success().stdout.contains("restored container c1 "));
    assert_eq!(testbed.own_rules(), before);
}
