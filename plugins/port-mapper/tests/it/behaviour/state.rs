//! The state directory: who may read it, what can't be done with it, and what happens without it.

use cni_test_kit::{CallBuilder, Fault};
use serde_json::json;

use super::world::{NFTABLES, Paper, STATE, files};
use crate::common::traces::empty_the_firewall;
use crate::common::{add, del, plugin, take_precedence, tcp};

on_every_backend!(
    only_root_may_read_what_is_noted,
    a_directory_that_is_open_to_others_is_closed,
    symbolic_links_are_never_followed,
    a_directory_of_another_user_is_refused,
    damaged_files_do_not_stop_del_and_do_not_free_host_ports,
    a_read_only_run_fails_an_add_and_leaves_nothing,
    a_full_disk_fails_an_add_and_leaves_nothing,
    a_state_directory_elsewhere_is_used_for_the_whole_life,
    restore_does_not_give_a_host_port_to_an_add_or_del_that_was_killed,
    a_del_after_a_repeated_add_that_was_killed_removes_the_rules_of_both,
    a_del_after_two_killed_adds_removes_the_rules_of_both,
);

/// Type, permissions and path of everything in the state directory, itself included.
fn modes(paper: &Paper) -> Vec<String> {
    let lines = paper.host.sh(&format!("find {STATE} -printf '%y %m %p\\n'"));
    lines.lines().map(str::to_owned).collect()
}

fn only_root_may_read_what_is_noted(backend: &'static str) {
    let paper = Paper::new(backend);
    // 127.0.0.1 takes notes of its own, for which there must be a route to the container.
    paper.host.run("ip link add br0 type bridge");
    paper.host.run("ip address add 10.0.0.1/24 dev br0");
    paper.host.run("ip link set br0 up");
    add(&paper.call("c1", &[tcp(8080, 80)]));
    let modes = modes(&paper);
    assert_eq!(modes.len(), 6, "directory, lock, claim, two folders and a note: {modes:?}");
    for line in &modes {
        let closed = line.starts_with("d 700 ") || line.starts_with("f 600 ");
        assert!(closed, "directories are 0700 and files 0600: {line} of {modes:?}");
    }
}

fn a_directory_that_is_open_to_others_is_closed(backend: &'static str) {
    let paper = Paper::new(backend);
    paper.host.sh(&format!("umask 0; mkdir {STATE}"));
    add(&paper.call("c1", &[tcp(8080, 80)]));
    assert!(modes(&paper)[0].starts_with("d 700 "), "it is ours from now on: {:?}", modes(&paper));
}

fn symbolic_links_are_never_followed(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = paper.call("c1", &[tcp(8080, 80)]);
    paper.host.sh(&format!(
        "mkdir /run/elsewhere; echo precious >/run/precious; ln -s /run/elsewhere {STATE}"
    ));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "a link in place of the directory is refused: {msg}");
    assert!(msg.contains(STATE), "the message names it: {msg}");
    assert_eq!(files(&paper.host, "/run/elsewhere"), [] as [&str; 0], "nothing was put there");
    assert_eq!(paper.plugins.verbs(), ["inner ADD", "inner DEL"], "the delegate was undone");
    paper.host.run(&format!("rm {STATE}"));

    add(&call);
    let file = files(&paper.host, STATE).into_iter().find(|name| name.ends_with(".json"));
    let file = file.expect("a claim");
    del(&call);
    for name in [file.clone(), format!(".{file}")] {
        paper.host.sh(&format!("ln -sf /run/precious {STATE}/{name}"));
        add(&call);
        assert_eq!(
            paper.host.read("/run/precious"),
            "precious\n",
            "{name} was not written through"
        );
        del(&call);
        assert_eq!(files(&paper.host, STATE), ["lock"], "the link itself is gone");
        assert_eq!(paper.host.read("/run/precious"), "precious\n", "what it led to is not");
    }

    paper.host.sh(&format!("ln -sf /run/precious {STATE}/lock"));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "a link in place of the lock is refused: {msg}");
    assert_eq!(paper.host.read("/run/precious"), "precious\n", "and not written through");
    assert_eq!(paper.traces(), "", "none of the refused ADDs left a rule");
}

fn a_directory_of_another_user_is_refused(backend: &'static str) {
    let paper = Paper::new(backend);
    paper.host.sh(&format!("mkdir {STATE}; chown 4711 {STATE}"));
    let (code, msg, _) = paper.call("c1", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 5, "somebody else could change what is in it: {msg}");
    assert!(msg.contains("user 4711"), "the message says whose it is: {msg}");
    assert_eq!(paper.traces(), "", "nothing was made");
}

fn damaged_files_do_not_stop_del_and_do_not_free_host_ports(backend: &'static str) {
    let damages = [
        ("empty", ": >$file"),
        ("half-written", "head -c 40 $file >half; mv half $file"),
        ("not JSON", "head -c 5000 /dev/urandom >$file"),
        ("of another container", "sed -i s/c1/c2/ $file"),
        ("of a later form", "sed -i 's/\"version\":1/\"version\":2/' $file"),
        ("a directory", "rm $file; mkdir $file"),
        ("a pipe", "rm $file; mkfifo $file"),
        ("unfinished", "mv $file .$file"),
    ];
    let paper = Paper::new(backend);
    for (name, damage) in damages {
        let call = paper.call("c1", &[tcp(8080, 80)]);
        add(&call);
        paper.host.sh(&format!("cd {STATE}; file=$(ls *.json); {damage}"));
        let (code, msg, _) = paper.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
        assert_eq!(code, 105, "{name}: who can't be proven dead keeps its port: {msg}");
        if name == "a directory" {
            let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
            assert_eq!(code, 11, "what is no file is not removed as one: {msg}");
            paper.host.sh(&format!("rmdir {STATE}/*.json"));
        }
        del(&call);
        assert_eq!(paper.traces(), "", "{name}: the rules are gone");
        assert_eq!(files(&paper.host, STATE), ["lock"], "{name}: so is the file");
    }
}

fn a_read_only_run_fails_an_add_and_leaves_nothing(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = paper.call("c1", &[tcp(8080, 80)]);
    paper.host.run("mount -o remount,ro /run");
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains(STATE) && msg.contains("Read-only"), "what and why: {msg}");
    assert_eq!(paper.plugins.verbs(), ["inner ADD", "inner DEL"], "the delegate was undone");
    assert_eq!(paper.traces(), "", "no rule was made");
    paper.host.run("mount -o remount,rw /run");

    add(&call);
    let before = paper.traces();
    paper.host.run("mount -o remount,ro /run");
    let (code, msg, _) = paper.call("c2", &[tcp(8081, 80)]).run(plugin()).error();
    assert_eq!(code, 5, "also when the directory is there already: {msg}");
    assert_eq!(paper.traces(), before, "no rule was made");
    let verbs = paper.plugins.verbs();
    assert_eq!(verbs[3..], ["inner ADD", "inner DEL"], "the delegate was undone");
}

fn a_full_disk_fails_an_add_and_leaves_nothing(backend: &'static str) {
    let paper = Paper::new(backend);
    paper.host.run(&format!("mkdir {STATE}"));
    // Room for the directory and the lock, but for no claim.
    paper.host.run(&format!("mount -t tmpfs -o mode=700,nr_inodes=2 tmpfs {STATE}"));
    let (code, msg, _) = paper.call("c1", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains("cannot write") && msg.contains("No space left"), "what and why: {msg}");
    assert_eq!(paper.plugins.verbs(), ["inner ADD", "inner DEL"], "the delegate was undone");
    assert_eq!(paper.traces(), "", "no rule was made");
    assert_eq!(files(&paper.host, STATE), ["lock"], "nothing half-written is left");
}

fn a_state_directory_elsewhere_is_used_for_the_whole_life(backend: &'static str) {
    let paper = Paper::new(backend);
    let elsewhere = "/run/deep/down";
    let call = paper.call("c1", &[tcp(8080, 80)]).key("stateDir", json!(elsewhere));
    add(&call);
    assert_eq!(files(&paper.host, elsewhere).len(), 2, "lock and claim are there");
    assert!(!paper.host.exists(STATE), "nothing is where it usually is");
    del(&call);
    assert_eq!(files(&paper.host, elsewhere), ["lock"], "DEL knows it too");
    assert_eq!(paper.traces(), "", "and removes the rules");
}

/// What a killed ADD or DEL leaves: its claim is begun and not settled.
fn unsettle(paper: &Paper, id: &str) {
    paper.host.sh(&format!("cd {STATE}; for file in {id}~*.json; do mv $file .$file; done"));
}

fn restore_does_not_give_a_host_port_to_an_add_or_del_that_was_killed(backend: &'static str) {
    let paper = Paper::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| paper.call(id, &[tcp(8080, 80)]));
    add(&one);
    unsettle(&paper, "c1");
    empty_the_firewall(&paper.host, backend);
    add(&two);
    empty_the_firewall(&paper.host, backend);
    CallBuilder::cli(&["restore"]).within(&paper.host).run(plugin()).expect_success();
    let traces = paper.traces();
    assert!(
        traces.contains("container_id: c2") && !traces.contains("container_id: c1"),
        "{traces}"
    );
    del(&one);
    del(&two);
    assert_eq!(paper.traces(), "");
    assert_eq!(files(&paper.host, STATE), ["lock"]);
}

/// ADD in the chained position of a container with these addresses.
fn with_addresses(paper: &Paper, addresses: &[&str]) -> CallBuilder {
    let ips: Vec<_> = addresses.iter().map(|address| json!({ "address": address })).collect();
    paper
        .call("c1", &[tcp(8080, 80)])
        .key("delegate", json!(null))
        .key("cniVersion", json!("1.0.0"))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": ips}))
}

fn a_del_after_a_repeated_add_that_was_killed_removes_the_rules_of_both(backend: &'static str) {
    let paper = Paper::new(backend);
    let call = with_addresses(&paper, &["10.0.0.2/24", "fd00::2/64"]);
    add(&call);
    // The second time it had no IPv6 address, and was killed before it touched any rule.
    paper.host.sh(&format!(
        "cd {STATE}; for file in c1~*.json; do sed 's|,\"fd00::2/64\"||' $file >.$file; ! cmp -s $file .$file; done"
    ));
    del(&call);
    assert_eq!(paper.traces(), "");
    assert_eq!(files(&paper.host, STATE), ["lock"]);
}

/// The first was killed when its rules stood, the second, which had no IPv6 address, somewhere.
fn a_del_after_two_killed_adds_removes_the_rules_of_both(backend: &'static str) {
    // Most system calls of iptables are its loader's.
    take_precedence();
    let step = if backend == NFTABLES { 40 } else { 120 };
    let paper = Paper::new(backend);
    let first = with_addresses(&paper, &["10.0.0.2/24", "fd00::2/64"]);
    let second = with_addresses(&paper, &["10.0.0.2/24"]);
    for number in (1..).step_by(step) {
        add(&first);
        unsettle(&paper, "c1");
        let faulted = second.run_with_fault(plugin(), number, Fault::KillPlugin);
        del(&second);
        assert_eq!(paper.traces(), "", "{backend}: {faulted}");
        assert_eq!(files(&paper.host, STATE), ["lock"], "{backend}: {faulted}");
        if faulted.at.is_none() {
            break;
        }
    }
}
