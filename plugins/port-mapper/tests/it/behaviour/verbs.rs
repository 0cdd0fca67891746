//! GC, STATUS, and DEL under all circumstances.

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::{Value, json};

use super::checks::check;
use super::nft::{TABLE, branch};
use super::world::{NFTABLES, Paper, STATE, files, listing, port};
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    gc_keeps_the_valid_and_removes_the_others_of_its_network_only,
    gc_needs_neither_state_files_nor_namespaces,
    gc_without_a_list_removes_nothing,
    gc_goes_on_after_a_damaged_state_file,
    status_says_nothing_and_leaves_nothing_when_an_add_could_be_served,
    del_removes_everything_whatever_has_happened_since_add,
    del_of_what_was_never_added_succeeds_and_makes_nothing,
    two_dels_at_once_both_succeed,
);

on_both_iptables!(
    status_tells_that_iptables_is_missing,
    without_iptables_an_add_is_undone_and_a_del_of_nothing_succeeds,
);

/// The chain and the name of another network.
const OTHER: &str = "OTHER-PORT-MAPPER";

fn gc(call: &CallBuilder, valid: &[&str]) -> Outcome {
    let valid: Vec<Value> =
        valid.iter().map(|id| json!({"containerID": id, "ifname": "eth0"})).collect();
    let call = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!(valid));
    // GC is told of no attachment, and libcni gives it no mappings.
    call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME").without_netns().run(plugin())
}

/// The containers that have rules.
fn holders(paper: &Paper) -> Vec<String> {
    let traces = paper.traces();
    let ids =
        traces.lines().filter_map(|line| line.split_once("container_id: ")?.1.split(' ').next());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    ids
}

/// `valid` and `stray` on one network, `elsewhere` and `valid` on another.
fn two_networks(paper: &Paper) -> CallBuilder {
    let other = |call: CallBuilder| call.key("name", json!("other")).key("chain", json!(OTHER));
    add(&paper.call("valid", &[tcp(8080, 80)]));
    add(&paper.call("stray", &[tcp(8081, 80)]));
    add(&paper.call("stray", &[tcp(8085, 80)]).ifname("eth1"));
    add(&other(paper.call("elsewhere", &[tcp(8082, 80)])));
    add(&other(paper.call("stray", &[tcp(8083, 80)])));
    paper.call("unused", &[])
}

fn gc_keeps_the_valid_and_removes_the_others_of_its_network_only(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = two_networks(&paper);
    gc(&call, &["valid"]).expect_success();
    assert_eq!(holders(&paper), ["elsewhere", "stray", "valid"], "what is left");
    let traces = paper.traces();
    for gone in ["8081", "8085"] {
        assert!(!traces.contains(gone), "{gone} was not valid any more: {traces}");
    }
    assert!(traces.contains("8083"), "its namesake on the other network stays: {traces}");
    assert_eq!(files(&paper.host, STATE).join(" ").matches(".json").count(), 3, "so do files");
    check(&paper.call("valid", &[tcp(8080, 80)])).expect_success();
    gc(&call, &[]).expect_success();
    assert_eq!(holders(&paper), ["elsewhere", "stray"], "an empty list keeps nobody");
    let gcs = paper.plugins.verbs().iter().filter(|verb| *verb == "inner GC").count();
    assert_eq!(gcs, 2, "the delegate is told each time");
}

fn gc_needs_neither_state_files_nor_namespaces(backend: &'static str) {
    let paper = Paper::new(backend);
    let container = paper.host.container("dead");
    add(&paper.call("dead", &[tcp(8079, 80)]).netns(&container.netns()));
    let call = two_networks(&paper);
    container.delete();
    paper.host.run(&format!("rm -r {STATE}"));
    gc(&call, &["valid"]).expect_success();
    assert_eq!(holders(&paper), ["elsewhere", "stray", "valid"], "found by their tags alone");
    assert!(!paper.traces().contains("8081"), "the stray one of this network is gone");
}

fn gc_without_a_list_removes_nothing(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = two_networks(&paper);
    let before = listing(&paper.host, backend);
    call.clone().as_verb("GC").run(plugin()).expect_success();
    assert_eq!(
        listing(&paper.host, backend),
        before,
        "who does not say what is valid removes nothing"
    );
    let broken = call.as_verb("GC").key("cni.dev/valid-attachments", json!("c1")).run(plugin());
    assert_eq!(broken.error().0, 7, "a list that is none is refused");
    assert_eq!(listing(&paper.host, backend), before, "and removes nothing either");
}

fn gc_goes_on_after_a_damaged_state_file(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = two_networks(&paper);
    paper.host.sh(&format!("for file in {STATE}/*.json; do echo '{{\"half' >$file; done"));
    gc(&call, &["valid"]).expect_success();
    assert_eq!(holders(&paper), ["elsewhere", "stray", "valid"], "found by their tags");
}

/// Takes all programs of iptables away.
fn hide_iptables(paper: &Paper) {
    // In the host's own mount namespace: nobody else sees it.
    paper.host.run("mount -t tmpfs tmpfs /usr/sbin");
}

fn status_says_nothing_and_leaves_nothing_when_an_add_could_be_served(backend: &'static str) {
    let paper = Paper::new(backend);
    let status = |id| paper.call(id, &[]).as_verb("STATUS").run(plugin());
    assert_eq!(status("c1").expect_success().stdout.trim(), "", "nothing is said");
    assert_eq!(paper.traces(), "", "and nothing left");
    add(&paper.call("c1", &[tcp(8080, 80)]));
    let before = listing(&paper.host, backend);
    status("c2").expect_success();
    assert_eq!(listing(&paper.host, backend), before, "nor when somebody is mapped");
}

fn status_tells_that_iptables_is_missing(backend: &'static str) {
    let paper = Paper::new(backend);
    hide_iptables(&paper);
    let (code, msg, _) = paper.call("c1", &[]).as_verb("STATUS").run(plugin()).error();
    assert_eq!(code, 50, "no plugin can work without iptables: {msg}");
    let reason = format!("{backend}-save is not installed");
    assert!(msg.contains(&reason), "the reason is told: {msg}");
}

fn without_iptables_an_add_is_undone_and_a_del_of_nothing_succeeds(backend: &'static str) {
    let paper = Paper::new(backend);
    let known = paper.call("known", &[tcp(8080, 80)]);
    add(&known);
    hide_iptables(&paper);
    let (code, msg, _) = paper.call("c1", &[tcp(8081, 80)]).run(plugin()).error();
    assert_eq!(code, 103, "ADD needs iptables: {msg}");
    assert!(msg.contains("is not installed"), "the reason is told: {msg}");
    assert_eq!(paper.plugins.verbs()[1..], ["inner ADD", "inner DEL"], "the delegate is undone");
    del(&paper.call("c1", &[]));
    let (code, msg, _) = known.clone().as_verb("DEL").run(plugin()).error();
    assert_eq!(code, 11, "rules that are known to be there can't be left behind: {msg}");
    paper.host.run("umount /usr/sbin");
    del(&known);
    assert_eq!(paper.traces(), "", "with iptables back the DEL succeeds");
}

/// Something that happens between ADD and DEL, and the DEL that follows.
type Story = (&'static str, fn(&Paper), fn(CallBuilder) -> CallBuilder);

fn stories(backend: &str) -> Vec<Story> {
    let own = if backend == NFTABLES { &NFT_STORIES[..] } else { &IPTABLES_STORIES[..] };
    own.iter().chain(&STORIES).copied().collect()
}

const NFT_STORIES: [Story; 6] = [
    ("the ruleset is flushed", |paper| paper.tool("flush ruleset"), |call| call),
    ("the table is flushed", |paper| paper.tool(&format!("flush table {TABLE}")), |call| call),
    ("a map is flushed", |paper| paper.tool(&format!("flush map {TABLE} ports4")), |call| call),
    (
        "other maps are flushed and the state lost",
        |paper| {
            let branch = branch(&paper.host);
            paper.tool(&format!(
                "flush map {TABLE} {branch}/targets4; flush chain {TABLE} {branch}"
            ));
            lose_state(paper);
        },
        |call| call,
    ),
    (
        "the chains of the network and of the guard are flushed",
        |paper| {
            let chains: Vec<String> = paper
                .traces()
                .lines()
                .filter_map(|line| line.trim().strip_prefix("chain ")?.strip_suffix(" {"))
                .filter(|chain| chain.contains('/') || *chain == "guard")
                .map(|chain| format!("flush chain {TABLE} {chain}"))
                .collect();
            paper.tool(&chains.join("; "));
        },
        |call| call,
    ),
    ("another backend is configured and the state lost", lose_state, |call| {
        call.key("backend", json!("iptables-nft"))
    }),
];

const IPTABLES_STORIES: [Story; 3] = [
    ("the rules of nat are flushed", |paper| paper.tool("-t nat -F"), |call| call),
    (
        "chains of nat are removed too",
        |paper| {
            paper.tool("-t nat -F");
            paper.tool("-t nat -X");
        },
        |call| call,
    ),
    ("raw is flushed", |paper| paper.tool("-t raw -F"), |call| call),
];

const STORIES: [Story; 9] = [
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

fn lose_state(paper: &Paper) {
    paper.host.run(&format!("rm -r {STATE}"));
}

fn del_removes_everything_whatever_has_happened_since_add(backend: &'static str) {
    let paper = Paper::new(backend);
    for (name, happens, changed) in stories(backend) {
        let before = paper.plugins.verbs().len();
        let exclude = json!(["a", "b"]);
        let udp = json!({"hostPort": 5353, "containerPort": 53, "protocol": "udp"});
        let call = paper.runtime("c1", json!([port(8080, 80), udp])).key("excludeDevices", exclude);
        add(&call);
        assert_eq!(holders(&paper), ["c1"]);
        happens(&paper);
        let call = changed(call);
        del(&call);
        assert_eq!(paper.traces(), "", "after: {name}");
        let left = files(&paper.host, STATE);
        assert_eq!(left, ["lock"], "no file is left after: {name}");
        del(&call);
        let verbs = paper.plugins.verbs().split_off(before);
        assert_eq!(verbs, ["inner ADD", "inner DEL", "inner DEL"], "twice is fine after: {name}");
    }
}

fn del_of_what_was_never_added_succeeds_and_makes_nothing(backend: &'static str) {
    let paper = Paper::new(backend);
    add(&paper.call("c1", &[tcp(8080, 80)]));
    let before = paper.traces();
    del(&paper.call("never", &[tcp(8080, 80)]));
    del(&paper.call("never", &[]).without_netns());
    assert_eq!(paper.traces(), before, "the one that is there stays as it was");
}

fn two_dels_at_once_both_succeed(backend: &'static str) {
    let paper = Paper::new(backend);
    for _ in 0..4 {
        let call = paper.call("c1", &[tcp(8080, 80), tcp(8081, 80)]);
        add(&call);
        assert_eq!(holders(&paper), ["c1"]);
        let both = [(); 2].map(|()| call.clone().as_verb("DEL").start(plugin()));
        both.into_iter().for_each(|call| drop(call.finish().expect_success()));
        assert_eq!(paper.traces(), "", "nothing is left");
        assert_eq!(files(&paper.host, STATE), ["lock"], "no file either");
    }
}
