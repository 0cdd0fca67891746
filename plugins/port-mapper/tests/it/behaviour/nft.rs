//! Tests of the nftables backend alone.

use cni_test_kit::{CallBuilder, Netns, TempDir};
use serde_json::{Value, json};

use super::testbed::{NFTABLES, RulesTestbed, STATE, files, port, port_at};
pub(crate) use crate::common::own_rules::{TABLE, table};
use crate::common::{CHAIN, add, del, plugin, tcp};
use crate::programs::executable;

/// Returns the chain of the test's network.
pub(crate) fn network_chain(place: &Netns) -> String {
    network_chain_in(&table(place))
}

fn network_chain_in(table: &str) -> String {
    let chains = table.lines().filter_map(|line| line.trim().strip_prefix("chain "));
    let mut names = chains.filter_map(|line| line.strip_suffix(" {"));
    let name = names.find(|name| name.starts_with(CHAIN) && !name.ends_with("/sources"));
    name.unwrap_or_else(|| panic!("no chain of {CHAIN} in {table}")).to_owned()
}

/// Mappings of every kind, of both families.
fn every_kind(testbed: &RulesTestbed, id: &str) -> CallBuilder {
    let range = |first: u16, address: &str| {
        json!({
            "hostPort": first, "containerPort": first, "range": 10, "protocol": "udp",
            "hostIP": address,
        })
    };
    let mappings = json!([
        port(8080, 80),
        port_at("203.0.113.1", 8081, 80),
        port_at("2001:db8::1", 8082, 80),
        range(9000, ""),
        range(9100, "203.0.113.1"),
        range(9200, "2001:db8::1"),
    ]);
    let ips = json!([{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]);
    let result = json!({"cniVersion": "1.0.0", "ips": ips});
    testbed
        .runtime(id, mappings)
        .key("delegate", json!(null))
        .key("prevResult", result)
        .key("cniVersion", json!("1.0.0"))
        .key("excludeDevices", json!(["mesos-cni0", "veth+"]))
}

#[test]
fn a_saved_ruleset_can_be_loaded_again_and_passes_check() {
    let testbed = RulesTestbed::new(NFTABLES);
    let variants = [json!({}), json!({"masqAll": true}), json!({"snat": false})];
    for variant in variants {
        let mut call = every_kind(&testbed, "c1");
        for (key, value) in variant.as_object().into_iter().flatten() {
            call = call.key(key, value.clone());
        }
        add(&call);
        let before = table(&testbed.host);
        testbed.host.sh("nft list ruleset >/run/saved; nft flush ruleset; nft -f /run/saved");
        assert_eq!(table(&testbed.host), before, "{variant}: nft reads what it has written");
        call.clone().as_verb("CHECK").run(plugin()).expect_success();
        del(&call);
        assert_eq!(table(&testbed.host), "", "{variant}: and DEL finds everything");
    }
}

#[test]
fn one_add_of_ten_thousand_mappings_works_and_its_del_too() {
    let testbed = RulesTestbed::new(NFTABLES);
    let small = testbed.call("small", &[tcp(1, 80)]);
    add(&small);
    let many: Vec<Value> = (10_001..=20_000).map(|host_port| tcp(host_port, 80)).collect();
    let call = testbed.call("c1", &many);
    // `cargo xtask bench` measures the time.
    add(&call);
    let listed = table(&testbed.host);
    let count = |map: &str| listed.lines().filter(|line| line.starts_with(map)).count();
    let chain = network_chain_in(&listed);
    for map in ["ports4 ", &format!("{chain}/targets4 "), &format!("{chain}/sources4 ")] {
        assert_eq!(count(map), 10_001, "{map}has all, and the one of the other container");
    }
    let (code, msg, _) = testbed.call("c2", &[tcp(20_000, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "the last one is in conflict: {msg}");
    del(&call);
    assert_eq!(
        table(&testbed.host).matches("container_id: c1 ").count(),
        0,
        "DEL removes them all"
    );
    del(&small);
    assert_eq!(table(&testbed.host), "", "and the table is removed with the last container");
}

#[test]
fn adds_and_dels_succeed_while_another_program_changes_its_rules_all_the_time() {
    let testbed = RulesTestbed::new(NFTABLES);
    let churn = "while :; do
        nft add table ip foreign
        nft delete table ip foreign && echo >>/run/changes
    done";
    let mut churning = testbed.host.command("sh").args(["-c", churn]).spawn().expect("it starts");
    let changes = || testbed.host.sh("cat /run/changes 2>/dev/null || :").lines().count();
    for round in 0.. {
        if round >= 20 && changes() >= 20 {
            break;
        }
        assert!(round < 1000, "the others change nothing");
        let id = format!("c{round}");
        let call = testbed.call(&id, &[tcp(8080, 80)]);
        add(&call);
        del(&call);
    }
    churning.kill().and_then(|()| churning.wait()).expect("it ends");
    assert_eq!(table(&testbed.host), "", "nothing is left");
}

#[test]
fn without_iptables_nftables_is_the_default() {
    let testbed = RulesTestbed::new(NFTABLES);
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("backend", json!(null));
    testbed.host.run("mount -t tmpfs tmpfs /usr/sbin");
    add(&call);
    call.clone().as_verb("STATUS").run(plugin()).expect_success();
    testbed.host.run("umount /usr/sbin");
    assert!(table(&testbed.host).contains("container_id: c1 "), "no program was needed");
    del(&call);
    assert_eq!(table(&testbed.host), "", "its DEL finds them although iptables is installed now");
}

#[test]
fn two_networks_with_other_exclusions_share_a_chain_and_keep_them() {
    let testbed = RulesTestbed::new(NFTABLES);
    let one = testbed.call("c1", &[tcp(8080, 80)]).key("excludeDevices", json!(["one"]));
    let two = testbed.call("c2", &[tcp(8081, 80)]).key("excludeDevices", json!(["two", "wild+"]));
    add(&one);
    let alone = table(&testbed.host);
    add(&two);
    let both = table(&testbed.host);
    assert_eq!(both.matches("/devices one").count(), 1, "the first keeps its own: {both}");
    assert_eq!(both.matches("/devices two").count(), 1, "the second has its own: {both}");
    del(&two);
    assert_eq!(table(&testbed.host), alone, "nothing of the second is left");
    del(&one);
    assert_eq!(table(&testbed.host), "", "nothing at all is left");
}

#[test]
fn of_eight_adds_for_one_port_without_a_common_lock_exactly_one_succeeds() {
    let testbed = RulesTestbed::new(NFTABLES);
    let call = |number: usize| testbed.call(&format!("racer{number}"), &[tcp(8080, 80)]);
    // Each has its own /run, and so its own lock and its own record of host ports.
    let directory = TempDir::new();
    let alone = directory.path().join("plugin");
    let script = format!(
        "exec unshare --mount --propagation private \\
         sh -c 'mount -t tmpfs none /run && exec \"$0\"' '{}'",
        plugin().display()
    );
    executable(&alone, &script);
    for _ in 0..5 {
        let running: Vec<_> = (0..8).map(|number| call(number).start(&alone)).collect();
        let outcomes: Vec<_> = running.into_iter().map(|call| call.finish()).collect();
        let shared = files(&testbed.host, STATE);
        assert!(
            !shared.iter().any(|name| name.contains("racer")),
            "no state is common: {shared:?}"
        );
        let won = outcomes.iter().filter(|outcome| outcome.status.success()).count();
        assert_eq!(won, 1, "the kernel accepts one of them: {outcomes:?}");
        for outcome in outcomes.iter().filter(|outcome| !outcome.status.success()) {
            let (code, msg, _) = outcome.error();
            assert!(code == 105 && msg.contains("container racer"), "{code} {msg}");
        }
        (0..8).for_each(|number| drop(del(&call(number))));
        assert_eq!(table(&testbed.host), "", "and nothing is left");
    }
}
