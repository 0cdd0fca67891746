//! The default state directory is lost, with the record of the host, while another one has claims.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::json;

use super::checks::check;
use super::testbed::{NFTABLES, RulesTestbed, STATE, TrafficTestbed, files, port};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    rules_of_a_forgotten_directory_count_and_its_dels_remove_all,
    any_command_with_its_state_dir_makes_the_claims_known_again,
    of_two_containers_that_got_one_port_the_later_one_keeps_it,
    a_call_of_its_network_puts_the_guard_back,
);

/// The state directory that a network names in its configuration.
const OTHER: &str = "/run/other";

fn in_other(testbed: &RulesTestbed, id: &str, host_port: u16) -> CallBuilder {
    testbed.call(id, &[tcp(host_port, 80)]).key("stateDir", json!(OTHER))
}

/// Cleans /run as far as the default directory is concerned.
fn lose(testbed: &RulesTestbed) {
    testbed.host.run(&format!("rm -r {STATE}"));
}

fn cli(testbed: &RulesTestbed, args: &[&str]) -> Outcome {
    CallBuilder::cli(args).within(&testbed.host).run(plugin())
}

fn rules_of_a_forgotten_directory_count_and_its_dels_remove_all(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = [in_other(&testbed, "c1", 8080), in_other(&testbed, "c2", 8081)];
    for call in [&one, &two] {
        add(call);
    }
    lose(&testbed);
    let (code, msg, _) = testbed.call("c3", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("belongs to container c1 ") && msg.contains("--state-dir"), "{msg}");
    let kept = cli(&testbed, &["gc"]).expect_success().stdout;
    assert!(kept.contains("kept container c1 ") && kept.contains("--state-dir"), "{kept}");
    let free = testbed.call("c3", &[tcp(9000, 80)]);
    add(&free);
    check(&one).expect_success();
    for call in [&one, &free, &two] {
        del(call);
    }
    assert_eq!(testbed.own_rules(), "");
    assert_eq!((files(&testbed.host, OTHER), files(&testbed.host, STATE).len()), (vec![], 1));
}

fn any_command_with_its_state_dir_makes_the_claims_known_again(backend: &'static str) {
    for command in ["restore", "gc"] {
        let testbed = RulesTestbed::new(backend);
        let one = in_other(&testbed, "c1", 8080);
        add(&one);
        let before = testbed.own_rules();
        lose(&testbed);
        if command == "restore" {
            flush_firewall(&testbed.host, backend);
        }
        cli(&testbed, &[command, "--state-dir", OTHER]).expect_success();
        assert_eq!(testbed.own_rules(), before, "{command}");
        // From here on only the index shows that c1 has the port.
        flush_firewall(&testbed.host, backend);
        let (code, msg, _) = testbed.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
        assert_eq!(code, 105, "{command}: {msg}");
        assert!(msg.contains("container c1 ") && !msg.contains("no record"), "{command}: {msg}");
        let restored = cli(&testbed, &["restore"]).expect_success().stdout;
        assert!(restored.contains("restored container c1 "), "{command}: {restored}");
        del(&one);
        assert_eq!(testbed.own_rules(), "");
    }
}

fn of_two_containers_that_got_one_port_the_later_one_keeps_it(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = [in_other(&testbed, "c1", 8080), testbed.call("c2", &[tcp(8080, 80)])];
    add(&one);
    lose(&testbed);
    flush_firewall(&testbed.host, backend);
    // Nothing that this call can see shows the first one.
    add(&two);
    let of_two = testbed.own_rules();
    for _ in 0..2 {
        let restored = cli(&testbed, &["restore", "--state-dir", OTHER]).stdout;
        assert!(restored.contains("restored container c2 "), "{restored}");
        let refused = restored.lines().find(|line| line.starts_with("not restored: container c1 "));
        assert!(refused.is_some_and(|why| why.contains("belongs to container c2 ")), "{restored}");
        assert_eq!(testbed.own_rules(), of_two, "the port has one owner");
        flush_firewall(&testbed.host, backend);
    }
    cli(&testbed, &["restore"]);
    del(&one);
    assert_eq!(testbed.own_rules(), of_two, "DEL removes what is its own");
    del(&two);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(
        (files(&testbed.host, OTHER), files(&testbed.host, STATE)),
        (vec![], vec!["lock".into()])
    );
}

fn a_call_of_its_network_puts_the_guard_back(backend: &'static str) {
    let guard = if backend == NFTABLES { "chain guard" } else { "-j PORT-MAPPER-GUARD" };
    let testbed = TrafficTestbed::new(backend);
    let mut delegate = testbed.network(json!({}))["delegate"].take();
    // Debian's bridge has no GC, and its own rules are not the subject.
    delegate["cniVersion"] = json!("1.0.0");
    delegate["ipMasq"] = json!(false);
    let keys = json!({"cniVersion": "1.1.0", "stateDir": OTHER, "delegate": delegate});
    let running = testbed.start("c1", keys, json!([port(8080, 80)]));
    running.del();
    let result = add(&running.call).json();
    let valid = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let gc = running.call.clone().as_verb("GC").key("cni.dev/valid-attachments", valid);
    let check = running.call.clone().as_verb("CHECK").key("prevResult", result);
    // The rules of the container are still missing.
    for (verb, call, code) in [("GC", gc, 0), ("CHECK", check, 1)] {
        testbed.host.run(&format!("rm -r {STATE}"));
        flush_firewall(&testbed.host, backend);
        assert!(!testbed.own_rules().contains(guard), "the flush removed it");
        let outcome = call.run(plugin());
        assert_eq!(outcome.code(), Some(code), "{verb}: {outcome}");
        assert!(testbed.own_rules().contains(guard), "{verb}: {}", testbed.own_rules());
    }
    running.del();
    let left = testbed.own_rules();
    assert!(left.contains(guard), "it is unknown who enabled route_localnet: {left}");
    assert!(!left.contains("container_id"), "{left}");
}
