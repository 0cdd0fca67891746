//! GC, STATUS, and DEL in various situations.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::{Value, json};

use super::checks::check;
use super::nft::{TABLE, network_chain};
use super::testbed::{NFTABLES, RulesTestbed, STATE, files, listing, port};
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    gc_removes_only_attachments_of_its_network_that_are_not_valid,
    gc_needs_neither_state_files_nor_namespaces,
    gc_without_a_list_removes_nothing,
    gc_continues_after_a_damaged_state_file,
    status_prints_nothing_and_changes_nothing_if_an_add_can_succeed,
    del_removes_everything_regardless_of_what_has_happened_since_add,
    del_of_an_unknown_container_succeeds_and_changes_nothing,
    two_concurrent_dels_both_succeed,
);

on_both_iptables!(
    status_reports_that_iptables_is_missing,
    without_iptables_an_add_is_rolled_back_and_a_del_of_nothing_succeeds,
);

/// The chain and the name of another network.
const OTHER: &str = "OTHER-PORT-MAPPER";

fn gc(call: &CallBuilder, valid: &[&str]) -> Outcome {
    let valid: Vec<Value> =
        valid.iter().map(|id| json!({"containerID": id, "ifname": "eth0"})).collect();
    let call = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!(valid));
    // GC is not about one attachment, and libcni passes no mappings to it.
    call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME").without_netns().run(plugin())
}

/// Returns the ids of the containers that have rules.
fn owners(testbed: &RulesTestbed) -> Vec<String> {
    let rules = testbed.own_rules();
    let ids =
        rules.lines().filter_map(|line| line.split_once("container_id: ")?.1.split(' ').next());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Adds `valid` and `stray` to one network, `elsewhere` and `stray` to another.
fn two_networks(testbed: &RulesTestbed) -> CallBuilder {
    let other = |call: CallBuilder| call.key("name", json!("other")).key("chain", json!(OTHER));
    add(&testbed.call("valid", &[tcp(8080, 80)]));
    add(&testbed.call("stray", &[tcp(8081, 80)]));
    add(&testbed.call("stray", &[tcp(8085, 80)]).ifname("eth1"));
    add(&other(testbed.call("elsewhere", &[tcp(8082, 80)])));
    add(&other(testbed.call("stray", &[tcp(8083, 80)])));
    testbed.call("unused", &[])
}

fn gc_removes_only_attachments_of_its_network_that_are_not_valid(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = two_networks(&testbed);
    gc(&call, &["valid"]).expect_success();
    assert_eq!(owners(&testbed), ["elsewhere", "stray", "valid"], "what is left");
    let rules = testbed.own_rules();
    for port in ["8081", "8085"] {
        assert!(!rules.contains(port), "{port} was no longer valid: {rules}");
    }
    assert!(rules.contains("8083"), "its namesake on the other network stays: {rules}");
    let claims = |name: &&String| name.ends_with(".json") && !name.contains('/');
    assert_eq!(files(&testbed.host, STATE).iter().filter(claims).count(), 3, "so do files");
    check(&testbed.call("valid", &[tcp(8080, 80)])).expect_success();
    gc(&call, &[]).expect_success();
    assert_eq!(owners(&testbed), ["elsewhere", "stray"], "with an empty list none is kept");
    let gcs = testbed.plugins.verbs().iter().filter(|verb| *verb == "inner GC").count();
    assert_eq!(gcs, 2, "the delegate is called each time");
}

fn gc_needs_neither_state_files_nor_namespaces(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("dead");
    add(&testbed.call("dead", &[tcp(8079, 80)]).netns(&container.netns()));
    let call = two_networks(&testbed);
    container.delete();
    testbed.host.run(&format!("rm -r {STATE}"));
    gc(&call, &["valid"]).expect_success();
    assert_eq!(owners(&testbed), ["elsewhere", "stray", "valid"], "found by their tags alone");
    assert!(!testbed.own_rules().contains("8081"), "the stray one of this network was removed");
}

fn gc_without_a_list_removes_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = two_networks(&testbed);
    let before = listing(&testbed.host, backend);
    call.clone().as_verb("GC").run(plugin()).expect_success();
    assert_eq!(listing(&testbed.host, backend), before, "without a list nothing is removed");
    let broken = call.as_verb("GC").key("cni.dev/valid-attachments", json!("c1")).run(plugin());
    assert_eq!(broken.error().0, 7, "an invalid list is refused");
    assert_eq!(listing(&testbed.host, backend), before, "and removes nothing either");
}

fn gc_continues_after_a_damaged_state_file(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = two_networks(&testbed);
    testbed.host.sh(&format!("for file in {STATE}/*.json; do echo '{{\"half' >$file; done"));
    gc(&call, &["valid"]).expect_success();
    assert_eq!(owners(&testbed), ["elsewhere", "stray", "valid"], "found by their tags");
}

/// Hides all programs of iptables.
fn hide_iptables(testbed: &RulesTestbed) {
    // In the host's own mount namespace, so that other processes are not affected.
    testbed.host.run("mount -t tmpfs tmpfs /usr/sbin");
}

fn status_prints_nothing_and_changes_nothing_if_an_add_can_succeed(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let status = |id| testbed.call(id, &[]).as_verb("STATUS").run(plugin());
    assert_eq!(status("c1").expect_success().stdout.trim(), "", "nothing is printed");
    assert_eq!(testbed.own_rules(), "", "and nothing is left");
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    let before = listing(&testbed.host, backend);
    status("c2").expect_success();
    assert_eq!(listing(&testbed.host, backend), before, "also if a container is mapped");
}

fn status_reports_that_iptables_is_missing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    hide_iptables(&testbed);
    let (code, msg, _) = testbed.call("c1", &[]).as_verb("STATUS").run(plugin()).error();
    assert_eq!(code, 50, "no plugin can work without iptables: {msg}");
    let reason = format!("{backend}-save is not installed");
    assert!(msg.contains(&reason), "the message contains the reason: {msg}");
}

fn without_iptables_an_add_is_rolled_back_and_a_del_of_nothing_succeeds(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let known = testbed.call("known", &[tcp(8080, 80)]);
    add(&known);
    hide_iptables(&testbed);
    let (code, msg, _) = testbed.call("c1", &[tcp(8081, 80)]).run(plugin()).error();
    assert_eq!(code, 103, "ADD needs iptables: {msg}");
    assert!(msg.contains("is not installed"), "the message contains the reason: {msg}");
    assert_eq!(
        testbed.plugins.verbs()[1..],
        ["inner ADD", "inner DEL"],
        "the delegate is rolled back"
    );
    del(&testbed.call("c1", &[]));
    let (code, msg, _) = known.clone().as_verb("DEL").run(plugin()).error();
    assert_eq!(code, 11, "known rules must not be left behind: {msg}");
    testbed.host.run("umount /usr/sbin");
    del(&known);
    assert_eq!(testbed.own_rules(), "", "with iptables back the DEL succeeds");
}

/// A name, what happens between ADD and DEL, and how the call of DEL differs.
type Scenario = (&'static str, fn(&RulesTestbed), fn(CallBuilder) -> CallBuilder);

fn scenarios(backend: &str) -> Vec<Scenario> {
    let own = if backend == NFTABLES { &NFT_SCENARIOS[..] } else { &IPTABLES_SCENARIOS[..] };
    own.iter().chain(&SCENARIOS).copied().collect()
}

const NFT_SCENARIOS: [Scenario; 6] = [
    ("the ruleset is flushed", |testbed| testbed.tool("flush ruleset"), |call| call),
    ("the table is flushed", |testbed| testbed.tool(&format!("flush table {TABLE}")), |call| call),
    ("a map is flushed", |testbed| testbed.tool(&format!("flush map {TABLE} ports4")), |call| call),
    (
        "other maps are flushed and the state lost",
        |testbed| {
            let chain = network_chain(&testbed.host);
            testbed
                .tool(&format!("flush map {TABLE} {chain}/targets4; flush chain {TABLE} {chain}"));
            lose_state(testbed);
        },
        |call| call,
    ),
    (
        "the chains of the network and of the guard are flushed",
        |testbed| {
            let chains: Vec<String> = testbed
                .own_rules()
                .lines()
                .filter_map(|line| line.trim().strip_prefix("chain ")?.strip_suffix(" {"))
                .filter(|chain| chain.contains('/') || *chain == "guard")
                .map(|chain| format!("flush chain {TABLE} {chain}"))
                .collect();
            testbed.tool(&chains.join("; "));
        },
        |call| call,
    ),
    ("another backend is configured and the state lost", lose_state, |call| {
        call.key("backend", json!("iptables-nft"))
    }),
];

const IPTABLES_SCENARIOS: [Scenario; 3] = [
    ("the rules of nat are flushed", |testbed| testbed.tool("-t nat -F"), |call| call),
    (
        "chains of nat are removed too",
        |testbed| {
            testbed.tool("-t nat -F");
            testbed.tool("-t nat -X");
        },
        |call| call,
    ),
    ("raw is flushed", |testbed| testbed.tool("-t raw -F"), |call| call),
];

const SCENARIOS: [Scenario; 9] = [
    ("nothing", |_| (), |call| call),
    ("the namespace is not known", |_| (), CallBuilder::without_netns),
    ("no mappings are given", |_| (), |call| call.key("runtimeConfig", json!(null))),
    ("args are given and empty", |_| (), |call| call.mesos(json!({}))),
    ("the state directory is lost", lose_state, |call| call),
    ("the state directory and the namespace are lost", lose_state, CallBuilder::without_netns),
    ("another chain is configured", |_| (), |call| call.key("chain", json!(OTHER))),
    ("another chain is configured and the state lost", lose_state, |call| {
        call.key("chain", json!(OTHER))
    }),
    (
        "another backend is configured",
        |_| (),
        |call| call.key("backend", json!("iptables-legacy")).key("snat", json!("?")),
    ),
];

fn lose_state(testbed: &RulesTestbed) {
    testbed.host.run(&format!("rm -r {STATE}"));
}

fn del_removes_everything_regardless_of_what_has_happened_since_add(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for (name, happens, changed) in scenarios(backend) {
        let before = testbed.plugins.verbs().len();
        let exclude = json!(["a", "b"]);
        let udp = json!({"hostPort": 5353, "containerPort": 53, "protocol": "udp"});
        let call =
            testbed.runtime("c1", json!([port(8080, 80), udp])).key("excludeDevices", exclude);
        add(&call);
        assert_eq!(owners(&testbed), ["c1"]);
        happens(&testbed);
        let call = changed(call);
        del(&call);
        assert_eq!(testbed.own_rules(), "", "after: {name}");
        let left = files(&testbed.host, STATE);
        assert_eq!(left, ["lock"], "no file is left after: {name}");
        del(&call);
        let verbs = testbed.plugins.verbs().split_off(before);
        assert_eq!(
            verbs,
            ["inner ADD", "inner DEL", "inner DEL"],
            "DEL can be repeated after: {name}"
        );
    }
}

fn del_of_an_unknown_container_succeeds_and_changes_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    let before = testbed.own_rules();
    del(&testbed.call("never", &[tcp(8080, 80)]));
    del(&testbed.call("never", &[]).without_netns());
    assert_eq!(testbed.own_rules(), before, "the existing container is unchanged");
}

fn two_concurrent_dels_both_succeed(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for _ in 0..4 {
        let call = testbed.call("c1", &[tcp(8080, 80), tcp(8081, 80)]);
        add(&call);
        assert_eq!(owners(&testbed), ["c1"]);
        let both = [(); 2].map(|()| call.clone().as_verb("DEL").start(plugin()));
        both.into_iter().for_each(|call| drop(call.finish().expect_success()));
        assert_eq!(testbed.own_rules(), "", "nothing is left");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "no file either");
    }
}
