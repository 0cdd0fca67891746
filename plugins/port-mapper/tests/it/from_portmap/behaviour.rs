//! The table "Behaviour" of the page, with Debian's `portmap` and with this plugin.

use cni_test_kit::CallBuilder;
use serde_json::json;

use super::PAGE;
use super::testbed::{Attached, Testbed, at, mapping};
use crate::common::*;

/// What a row of the table claims, as a test. Each has a host port of its own.
type Check = fn(&Testbed);

/// The rows that are run, by the beginning of their first column.
const RUN: [(&str, Check); 10] = [
    // First, since the rules that protect localhost stay on the host.
    ("127.0.0.1", localhost),
    ("a host port that another container has", a_port_of_another_container),
    ("DEL without port mappings", del_without_mappings),
    ("a `hostIP` that is not an address", a_host_ip_that_is_not_an_address),
    ("`hostIP` `::1`", a_host_ip_of_localhost),
    ("`hostIP` `0.0.0.0` next to `::`", host_ips_of_both_families),
    ("`protocol`", protocols),
    ("a container that connects to its own host port", hairpin),
    ("CHECK", check),
    ("after a firewall reload", reload),
];

/// The rows that are not run with `portmap`; the page names them. Other tests run them with this
/// plugin.
const NOT_RUN: [&str; 2] = ["an interrupted or failed ADD", "GC, STATUS"];

fn a_port_of_another_container(testbed: &Testbed) {
    for plugin in ["portmap", "mesos-cni-port-mapper"] {
        let [first, last] = [0; 2].map(|_| testbed.attach(plugin, json!([mapping(8001)])));
        let answer = reached(&testbed.outside, HOST, 8001, plugin);
        let name = first.container.name();
        assert!(answer.starts_with(&format!("{name} saw")), "{plugin}: {name} keeps it: {answer}");
        if plugin == "portmap" {
            last.outcome.clone().expect_success();
        } else {
            let (code, msg, _) = last.outcome.clone().error();
            assert!(code == 105 && msg.contains(name), "{code} {msg}");
        }
        [first, last].into_iter().for_each(Attached::detach);
    }
}

fn del_without_mappings(testbed: &Testbed) {
    testbed.both(&json!([mapping(8002)]), |plugin, attached| {
        let del = attached.call.clone().as_verb("DEL").key("runtimeConfig", json!({}));
        del.run(&attached.program).expect_success();
        let is_left = testbed.nat().contains("--dport 8002");
        assert_eq!(is_left, plugin == "portmap", "{plugin}: {}", testbed.nat());
    });
}

fn a_host_ip_that_is_not_an_address(testbed: &Testbed) {
    testbed.both(&json!([at("localhost", 8003)]), |plugin, attached| match plugin {
        "portmap" => {
            attached.outcome.clone().expect_success();
            unreached(&testbed.outside, HOST, 8003, "nothing is mapped");
        }
        _ => assert_eq!(attached.outcome.clone().error().0, 7),
    });
}

fn a_host_ip_of_localhost(testbed: &Testbed) {
    testbed.both(&json!([at("::1", 8004)]), |plugin, attached| match plugin {
        "portmap" => drop(attached.outcome.clone().expect_success()),
        _ => assert_eq!(attached.outcome.clone().error().0, 7),
    });
}

fn host_ips_of_both_families(testbed: &Testbed) {
    let mappings = json!([at("0.0.0.0", 8005), at("::", 8005)]);
    testbed.both(&mappings, |plugin, attached| {
        attached.outcome.clone().expect_success();
        reached(&testbed.outside, HOST, 8005, plugin);
        let warns = attached.outcome.stderr.contains("::");
        assert_eq!(warns, plugin != "portmap", "{plugin}: {}", attached.outcome.stderr);
    });
}

fn protocols(testbed: &Testbed) {
    for (protocol, by_portmap) in [("TCP", true), ("udp,tcp", false)] {
        let mut mapping = mapping(8006);
        mapping["protocol"] = json!(protocol);
        testbed.both(&json!([mapping]), |plugin, attached| {
            if plugin == "portmap" && !by_portmap {
                attached.outcome.clone().error();
            } else {
                reached(&testbed.outside, HOST, 8006, plugin);
            }
        });
    }
}

fn localhost(testbed: &Testbed) {
    let mappings = json!([mapping(8007)]);
    testbed.both(&mappings, |plugin, _| {
        reached(&testbed.host, "127.0.0.1", 8007, plugin);
        let is_enabled = testbed.host.sh("cat /proc/sys/net/ipv4/conf/*/route_localnet");
        assert!(is_enabled.contains('1'), "{plugin}: {is_enabled}");
        let rules = testbed.host.run("iptables-save");
        let is_protected = rules.lines().any(|rule| {
            rule.contains("127.0.0.0/8") && rule.ends_with("-j DROP") && rule.starts_with("-A")
        });
        assert_eq!(is_protected, plugin != "portmap", "{plugin}: {rules}");
    });
}

fn hairpin(testbed: &Testbed) {
    testbed.host.bridge_netfilter(true);
    testbed.both(&json!([mapping(8008)]), |plugin, attached| match plugin {
        "portmap" => unreached(&attached.container, HOST, 8008, "without hairpinMode"),
        _ => drop(reached(&attached.container, HOST, 8008, "hairpin mode is enabled")),
    });
}

fn check(testbed: &Testbed) {
    testbed.both(&json!([mapping(8009)]), |plugin, attached| {
        let check = attached.call.clone().as_verb("CHECK");
        if plugin == "portmap" {
            let (_, msg, _) = check.run(&attached.program).error();
            assert!(msg.contains("could not check ipv6 dnat"), "{msg}");
            return;
        }
        check.run(&attached.program).expect_success();
        let rules = testbed.nat();
        let rule = rules.lines().find(|rule| rule.contains("8009") && rule.contains("-j DNAT"));
        let rule = rule.unwrap_or_else(|| panic!("{rules}"));
        testbed.host.sh(&format!("iptables -t nat {}", rule.replacen("-A", "-D", 1)));
        check.run(&attached.program).error();
    });
}

fn reload(testbed: &Testbed) {
    testbed.both(&json!([mapping(8010)]), |plugin, _| {
        reached(&testbed.outside, HOST, 8010, plugin);
        testbed.host.sh("iptables -t nat -F");
        unreached(&testbed.outside, HOST, 8010, plugin);
        if plugin != "portmap" {
            testbed.host.sh(&format!("'{}' restore", crate::common::plugin().display()));
            reached(&testbed.outside, HOST, 8010, "restored");
        }
    });
}

/// Returns the commands of the page that remove what `portmap` has left with iptables.
fn removal() -> Vec<&'static str> {
    let lines = PAGE.lines().filter_map(|line| line.strip_prefix("# "));
    lines.filter(|line| line.contains("tables -t nat -F")).collect()
}

/// A container that was attached with the list of `portmap`, and detached with the new one.
fn rules_are_left_and_removed(testbed: &Testbed) {
    let mappings = json!([mapping(8011)]);
    let mut first = testbed.attach("portmap", mappings.clone());
    first.call = first.call.key("type", json!("mesos-cni-port-mapper"));
    first.program = crate::common::plugin();
    first.detach();
    let last = testbed.attach("mesos-cni-port-mapper", mappings);
    assert!(last.outcome.stderr.contains("portmap has mapped"), "{}", last.outcome.stderr);
    assert!(testbed.nat().contains("--dport 8011 -j DNAT --to-destination 10.88.0"));
    let explain = CallBuilder::cli(&["explain", "8011"]).within(&testbed.host);
    let explained = explain.run(crate::common::plugin());
    assert!(explained.stdout.contains("✘ translation: another rule"), "{explained}");
    unreached(&testbed.outside, HOST, 8011, "the rules of portmap come first");
    assert_eq!(removal().len(), 2, "{PAGE}");
    for command in removal() {
        // It fails for the family without rules.
        testbed.host.sh(&format!("{command} || {command} 2>&1 | grep 'No chain'"));
    }
    reached(&testbed.outside, HOST, 8011, "they are removed");
    last.detach();
}

/// Returns the first column of the table.
fn rows() -> Vec<&'static str> {
    let (_, table) = PAGE.split_once("\n## Behaviour\n").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("the next section");
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    rows.filter_map(|row| row.split(" | ").next()).collect()
}

#[test]
fn every_row_of_the_table_of_behaviour_is_true_of_portmap_and_of_this_plugin() {
    let testbed = Testbed::new();
    for (row, check) in RUN {
        let found = rows().iter().any(|it| it.starts_with(row));
        assert!(found, "the page does not have a row {row:?}");
        check(&testbed);
    }
    rules_are_left_and_removed(&testbed);
}

#[test]
fn every_row_of_the_table_of_behaviour_is_run_or_named_as_not_run() {
    for row in rows() {
        let begins = |known: &str| row.starts_with(known);
        let is_run = RUN.iter().any(|(known, _)| begins(known));
        assert!(is_run || NOT_RUN.into_iter().any(begins), "{row:?} is not run by a test");
    }
    let (_, note) = PAGE.split_once("Not run with `portmap`").expect("what is not run");
    let note: String = note.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    for row in NOT_RUN {
        assert!(note.contains(row), "{row:?} is not in the note: {note}");
    }
}
