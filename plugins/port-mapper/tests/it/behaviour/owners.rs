//! Whose a host port is: conflicts, containers that are gone, races, names, and rules of the original.

use cni_test_kit::{CallBuilder, Traffic};
use serde_json::{Value, json};

use super::checks::check;
use super::world::{NFTABLES, Paper, STATE, World, files, port, port_at, traces};
use crate::common::{CHAIN, HOST, add, del, plugin, reached, tcp, unreached};

on_every_backend!(
    a_taken_host_port_is_refused_and_its_owner_named,
    what_does_not_overlap_is_no_conflict,
    a_container_that_is_gone_is_replaced_without_a_trace,
    a_container_whose_namespace_is_only_a_file_is_gone_too,
    a_container_that_stops_does_not_disturb_the_others,
    long_ids_that_begin_alike_are_told_apart,
    adding_again_with_other_mappings_replaces_the_first,
    rules_of_the_original_count_until_the_del_of_their_container,
    host_ports_held_in_another_backend_are_refused_and_change_over_with_their_owner,
);

fn refusal(paper: &Paper, id: &str, mapping: Value) -> String {
    let picture = || {
        let mut files = files(&paper.host, STATE);
        files.retain(|name| name != "lock");
        (paper.traces(), files)
    };
    let before = picture();
    let (code, msg, _) = paper.runtime(id, json!([mapping])).run(plugin()).error();
    assert_eq!(code, 105, "{mapping} is taken: {msg}");
    assert_eq!(picture(), before, "a refused ADD changes nothing");
    msg
}

fn a_taken_host_port_is_refused_and_its_owner_named(backend: &'static str) {
    let paper = Paper::new(backend);
    let range = json!({"hostPort": 9000, "containerPort": 9000, "range": 10, "protocol": "tcp"});
    let taken = json!([port(8080, 80), port_at("203.0.113.1", 8081, 80), range]);
    add(&paper.runtime("c1", taken));
    for mapping in [
        port(8080, 81),
        port_at("203.0.113.9", 8080, 80),
        port(8081, 80),
        port_at("0.0.0.0", 8081, 80),
        port_at("203.0.113.1", 8081, 80),
        port(9009, 80),
        json!({"hostPort": 8990, "containerPort": 1, "range": 11, "protocol": "tcp"}),
    ] {
        let msg = refusal(&paper, "c2", mapping);
        let owner = "container c1 (network mesos, interface eth0)";
        assert!(msg.contains(owner), "the message names the owner: {msg}");
    }
    let adds = paper.plugins.verbs().iter().filter(|verb| *verb == "inner ADD").count();
    let dels = paper.plugins.verbs().iter().filter(|verb| *verb == "inner DEL").count();
    assert_eq!((adds, dels), (8, 7), "the delegate of each refused ADD was told to clean up");
}

fn what_does_not_overlap_is_no_conflict(backend: &'static str) {
    let paper = Paper::new(backend);
    let first = paper.runtime("c1", json!([port(8080, 80), port_at("203.0.113.1", 8081, 80)]));
    add(&first);
    let udp = json!({"hostPort": 8080, "containerPort": 80, "protocol": "udp"});
    let beside = [udp, port_at("203.0.113.2", 8081, 80), port(8079, 80), port(8082, 80)];
    for (number, mapping) in beside.into_iter().enumerate() {
        let other = paper.runtime(&format!("beside{number}"), json!([mapping]));
        add(&other);
        check(&other).expect_success();
    }
    check(&first).expect_success();
}

fn a_container_that_is_gone_is_replaced_without_a_trace(backend: &'static str) {
    let world = World::new(backend);
    let gone = world.start("gone", json!({}), json!([port(8080, 80), port(8081, 81)]));
    let live = world.start("live", json!({}), json!([port(8082, 80)]));
    gone.container.delete();
    let next = world.start("next", json!({}), json!([port(8080, 80)]));
    let traces = world.traces();
    assert!(!traces.contains("container_id: gone"), "none of its rules is left: {traces}");
    let state = files(&world.host, STATE).join(" ");
    assert!(!state.contains("gone"), "nor any of its files: {state}");
    assert!(state.contains("live") && state.contains("next"), "others keep theirs: {state}");
    let _servers = [&live, &next].map(|running| running.container.serve(Traffic::Http, 80));
    for (port, name) in [(8080, "next"), (8082, "live")] {
        let answer = reached(&world.outside, HOST, port, "both live ones work");
        assert!(answer.starts_with(name), "{port} leads to {name}: {answer}");
    }
    gone.call.clone().as_verb("DEL").run(plugin()).expect_success();
    reached(&world.outside, HOST, 8080, "its late DEL does not touch who replaced it");
}

fn a_container_whose_namespace_is_only_a_file_is_gone_too(backend: &'static str) {
    let paper = Paper::new(backend);
    let container = paper.host.container("c1");
    add(&paper.call("c1", &[tcp(8080, 80)]).netns(&container.netns()));
    refusal(&paper, "c2", port(8080, 80));
    paper.host.run("umount /run/netns/c1");
    assert!(paper.host.exists("/run/netns/c1"), "the file is still there, the mount is not");
    add(&paper.call("c2", &[tcp(8080, 80)]));
}

fn a_container_that_stops_does_not_disturb_the_others(backend: &'static str) {
    let world = World::new(backend);
    let names = ["c1", "c10", "c1.x"];
    let running: Vec<_> = (8080..)
        .zip(names)
        .map(|(host_port, name)| world.start(name, json!({}), json!([port(host_port, 80)])))
        .collect();
    let _servers: Vec<_> =
        running.iter().map(|running| running.container.serve(Traffic::Http, 80)).collect();
    running[0].del();
    unreached(&world.outside, HOST, 8080, "the one that stopped");
    for (host_port, name) in [(8081, "c10"), (8082, "c1.x")] {
        for (place, address) in [(&*world.outside, HOST), (&*world.host, "127.0.0.1")] {
            let answer = reached(place, address, host_port, "the others go on");
            assert!(answer.starts_with(&format!("{name} ")), "{host_port}: {answer}");
        }
    }
}

fn long_ids_that_begin_alike_are_told_apart(backend: &'static str) {
    let paper = Paper::new(backend);
    let ids = ["a", "b"].map(|end| format!("{}{}", "x".repeat(200), end.repeat(55)));
    let calls =
        [0, 1].map(|index: u16| paper.call(&ids[usize::from(index)], &[tcp(80 + index, 80)]));
    calls.iter().for_each(|call| drop(add(call)));
    let (code, msg, _) = paper.call("c3", &[tcp(81, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "the second has its port: {msg}");
    let answer = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]});
    let check = |index: usize| {
        let call = calls[index].clone().key("prevResult", answer.clone());
        call.as_verb("CHECK").run(plugin())
    };
    del(&calls[0]);
    check(1).expect_success();
    assert_eq!(check(0).error().0, 103, "the first is gone");
    del(&calls[1]);
    assert_eq!(paper.traces(), "", "both are gone");
}

fn adding_again_with_other_mappings_replaces_the_first(backend: &'static str) {
    let paper = Paper::new(backend);
    add(&paper.call("c1", &[tcp(8080, 80), tcp(8081, 80)]));
    add(&paper.call("c1", &[tcp(8081, 80), tcp(8082, 80)]));
    add(&paper.call("c2", &[tcp(8080, 80)]));
    assert_eq!(translations(&paper.traces()), 3, "nobody has a port too many");
    add(&paper.call("c1", &[]));
    add(&paper.call("c3", &[tcp(8081, 80)]));
    let traces = paper.traces();
    assert!(!traces.contains("container_id: c1 "), "no mapping, no rule: {traces}");
}

/// How many rules or elements lead to a container.
fn translations(traces: &str) -> usize {
    let elements = traces.lines().filter(|line| line.contains("/targets4 ") && line.contains("->"));
    traces.matches("DNAT --to-dest").count() + elements.count()
}

/// The variant of iptables of the backend's tests; for the other backend, the one that hosts usually have.
fn iptables(paper: &Paper) -> &'static str {
    if paper.backend == NFTABLES { "iptables-nft" } else { paper.backend }
}

/// Rules as the original wrote them, for a container of this id.
fn as_the_original(paper: &Paper, id: &str, host_port: u16) {
    paper.host.sh(&format!(
        "{} -w -t nat -A {CHAIN} ! -i mesos-cni0 -p tcp -m tcp --dport {host_port} \
         -j DNAT --to-destination 192.168.7.7:80 -m comment --comment 'container_id: {id}'",
        iptables(paper)
    ));
}

fn rules_of_the_original_count_until_the_del_of_their_container(backend: &'static str) {
    let paper = Paper::new(backend);
    let tool = |words: &str| paper.host.run(&format!("{} -w {words}", iptables(&paper)));
    tool(&format!("-t nat -N {CHAIN}"));
    tool(&format!("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j {CHAIN}"));
    tool(&format!("-t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j {CHAIN}"));
    as_the_original(&paper, "old1", 8080);
    as_the_original(&paper, "old1", 8081);
    as_the_original(&paper, "old10", 8082);
    let msg = refusal(&paper, "new", port(8080, 80));
    assert!(msg.contains("container old1 "), "the original's owner is named: {msg}");
    del(&paper.call("old1", &[]));
    let left = traces(&paper.host, iptables(&paper));
    assert!(!left.contains("\"container_id: old1\""), "its own DEL removes its rules: {left}");
    assert!(left.contains("\"container_id: old10\""), "and those of nobody else: {left}");
    let new = paper.call("new", &[tcp(8080, 80)]);
    add(&new);
    refusal(&paper, "new2", port(8082, 80));
    del(&new);
    del(&paper.call("old10", &[]));
    assert_eq!(paper.traces(), "", "nothing of ours is left");
    let left = traces(&paper.host, iptables(&paper));
    assert_eq!(left, "", "with the last rule the original's chain and jumps go");
}

fn host_ports_held_in_another_backend_are_refused_and_change_over_with_their_owner(
    backend: &'static str,
) {
    let other = if backend == NFTABLES { "iptables-legacy" } else { NFTABLES };
    let paper = Paper::new(backend);
    let container = paper.host.container("gone");
    let switched = |call: CallBuilder| call.key("backend", json!(other));
    let gone = paper.call("gone", &[tcp(8079, 80), tcp(8078, 80)]).netns(&container.netns());
    add(&switched(gone.clone()));
    let call = paper.call("c1", &[tcp(8080, 80)]);
    add(&switched(call.clone()));
    let msg = refusal(&paper, "c2", port(8080, 80));
    assert!(msg.contains("container c1 "), "the owner is named: {msg}");

    add(&call);
    let there = traces(&paper.host, other);
    assert!(!there.contains("container_id: c1 "), "an ADD by this backend moves them: {there}");
    refusal(&paper, "c2", port(8080, 80));
    container.delete();
    let next = paper.call("next", &[tcp(8079, 80)]);
    add(&next);
    assert_eq!(traces(&paper.host, other), "", "a container that is gone is replaced there too");

    [&call, &next].into_iter().for_each(|call| drop(del(call)));
    assert_eq!(paper.traces(), "", "and every DEL finds its rules");
    assert_eq!(files(&paper.host, STATE), ["lock"], "no file is left");
}
