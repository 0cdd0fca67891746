//! CHECK: what it accepts, and what it reports.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::json;

use super::nft::{TABLE, network_chain};
use super::testbed::{NFTABLES, RulesTestbed, listing, port, port_at};
use crate::common::{CHAIN, add, del, plugin, tcp};

on_every_backend!(
    check_after_add_passes_and_changes_nothing,
    check_reports_what_is_missing_or_changed,
    check_accepts_rules_of_others,
);

pub(crate) fn check(call: &CallBuilder) -> Outcome {
    let result = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]});
    call.clone().as_verb("CHECK").key("prevResult", result).run(plugin())
}

fn check_after_add_passes_and_changes_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let range = json!({"hostPort": 9000, "containerPort": 9000, "range": 10, "protocol": "udp"});
    let mappings = json!([port(8080, 80), port_at("203.0.113.1", 8081, 80), range]);
    for keys in [json!({}), json!({"excludeDevices": ["a", "b+"], "masqAll": true})] {
        let mut call = testbed.runtime("c1", mappings.clone());
        for (key, value) in keys.as_object().into_iter().flatten() {
            call = call.key(key, value.clone());
        }
        add(&call);
        add(&testbed.call("c2", &[tcp(8082, 80)]));
        let before = listing(&testbed.host, backend);
        check(&call).expect_success();
        let without_mappings = call.clone().key("runtimeConfig", json!(null));
        check(&without_mappings).expect_success();
        assert_eq!(listing(&testbed.host, backend), before, "CHECK changes nothing");
        del(&call);
        assert_eq!(check(&call).error().0, 103, "after DEL there is nothing that CHECK could find");
    }
}

/// Returns damages, as commands of the backend's program, each with the text that CHECK must
/// report.
pub(crate) fn damages(backend: &str) -> Vec<(String, &'static str)> {
    if backend == NFTABLES { nft_damages() } else { iptables_damages() }
}

fn nft_damages() -> Vec<(String, &'static str)> {
    let of = |command: &str, report| (command.replace('%', TABLE), report);
    vec![
        of("delete element % ports4 { tcp . 8080 }", "missing: element % ports4 { tcp . 8080"),
        of("delete element % @c/targets4 { tcp . 8080 }", "missing: element % @c/targets4 { tcp ."),
        of(
            "delete element % @c/targets4 { tcp . 8080 }; \
             add element % @c/targets4 { tcp . 8080 comment \"@\" : 10.6.6.6 . 80 }",
            "missing: element % @c/targets4 { tcp . 8080",
        ),
        of(
            "add element % ports4 { tcp . 9 comment \"@\" : goto @c }",
            "unexpected: element % ports4",
        ),
        of("flush chain % prerouting", "missing: rule % prerouting fib daddr type local"),
        of("flush chain % output", "missing: rule % output fib daddr type local"),
        of("flush chain % postrouting", "missing: rule % postrouting ct status dnat"),
        of("flush chain % hostports", "missing: rule % hostports jump @c"),
        of("flush chain % sources", "missing: rule % sources jump @c/sources"),
        of("flush chain % guard", "missing: rule % guard ip daddr 127.0.0.0/8"),
        of("flush chain % @c", "missing: rule % @c dnat ip to"),
        of("flush chain % @c/sources", "masquerade"),
        of("flush table %", "missing: rule % prerouting"),
        of("flush set % @c/sources4", "missing: element % @c/sources4"),
        of("delete table %", "missing: table %"),
        of("flush ruleset", "missing: table %"),
    ]
}

fn iptables_damages() -> Vec<(String, &'static str)> {
    vec![
        (format!("-t nat -D {CHAIN} 1"), "missing: -A MESOS-TEST-PORT-MAPPER"),
        (
            format!(
                "-t nat -R {CHAIN} 1 -p tcp --dport 8080 -m comment --comment @ \
                 -j DNAT --to-destination 10.6.6.6:80"
            ),
            "--to-destination 10.0.0.2:80",
        ),
        ("-t nat -D PREROUTING 1".to_owned(), "missing: -A PREROUTING"),
        ("-t nat -F OUTPUT".to_owned(), "missing: -A OUTPUT"),
        ("-t nat -F POSTROUTING".to_owned(), "missing: -A POSTROUTING"),
        ("-t nat -F PORT-MAPPER-MASQ".to_owned(), "missing: -A PORT-MAPPER-MASQ"),
        ("-t raw -D PORT-MAPPER-GUARD 1".to_owned(), "missing: -A PORT-MAPPER-GUARD"),
        ("-t raw -F PREROUTING".to_owned(), "missing: -A PREROUTING -j PORT-MAPPER-GUARD"),
        (format!("-t nat -F {CHAIN}"), "missing: -A MESOS-TEST-PORT-MAPPER"),
        ("-t nat -F".to_owned(), "missing: -A MESOS-TEST-PORT-MAPPER"),
    ]
}

pub(crate) fn do_damage(testbed: &RulesTestbed, damage: &str) {
    let tag = "container_id: c1 network: mesos ifname: eth0";
    let mut command = if testbed.backend == NFTABLES {
        let mut command = testbed.host.command("nft");
        command.arg(damage.replace("@c", &network_chain(&testbed.host)).replace('@', tag));
        command
    } else {
        let mut command = testbed.host.command(testbed.backend);
        command.arg("-w").args(damage.split(' ').map(|word| if word == "@" { tag } else { word }));
        command
    };
    let done = command.status();
    assert!(done.is_ok_and(|status| status.success()), "the damage is done: {damage}");
}

fn check_reports_what_is_missing_or_changed(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    for (damage, expected) in damages(backend) {
        add(&call);
        check(&call).expect_success();
        let chain = if backend == NFTABLES { network_chain(&testbed.host) } else { String::new() };
        do_damage(&testbed, &damage);
        let broken = listing(&testbed.host, backend);
        let (code, msg, _) = check(&call).error();
        assert_eq!(code, 103, "{damage}: {msg}");
        let expected = expected.replace('%', TABLE).replace("@c", &chain);
        assert!(msg.contains(&expected), "{damage} is named as {expected}: {msg}");
        assert_eq!(listing(&testbed.host, backend), broken, "CHECK repairs nothing");
    }
}

fn check_accepts_rules_of_others(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    let foreign = if backend == NFTABLES {
        [
            "add table ip foreign".to_owned(),
            "add chain ip foreign x { type nat hook prerouting priority -100; }".to_owned(),
            "add rule ip foreign x tcp dport 9 accept".to_owned(),
            format!("insert rule {TABLE} hostports tcp dport 9 return"),
            format!("insert rule {TABLE} prerouting tcp dport 9 return"),
        ]
    } else {
        [
            format!("-t nat -A {CHAIN} -p tcp --dport 9 -j RETURN"),
            "-t nat -I PREROUTING -p tcp --dport 9 -j ACCEPT".to_owned(),
            "-t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE".to_owned(),
            "-t raw -A PREROUTING -p udp --dport 9 -j ACCEPT".to_owned(),
            "-t filter -A FORWARD -j ACCEPT".to_owned(),
        ]
    };
    for foreign in foreign {
        testbed.tool(&foreign);
        check(&call).expect_success();
    }
    del(&call);
    let left = listing(&testbed.host, backend);
    assert!(!left.contains("container_id"), "DEL removes what is ours: {left}");
    assert_eq!(left.matches("dport 9 ").count(), 3, "and nothing of others: {left}");
}
