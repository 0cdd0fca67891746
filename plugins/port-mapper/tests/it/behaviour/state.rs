//! The state directory: its permissions, attacks on it, and its absence.

use cni_test_kit::{CallBuilder, Fault};
use serde_json::json;

use super::testbed::{NFTABLES, RulesTestbed, STATE, files};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, take_precedence, tcp};

on_every_backend!(
    only_root_can_read_the_state,
    symbolic_links_are_never_followed,
    a_directory_of_another_user_is_refused,
    damaged_files_do_not_stop_del_and_do_not_free_host_ports,
    a_read_only_run_fails_an_add_and_leaves_nothing,
    a_full_disk_fails_an_add_and_leaves_nothing,
    another_state_directory_is_used_for_the_whole_lifecycle,
    restore_does_not_give_a_host_port_to_an_add_or_del_that_was_killed,
    a_del_after_a_repeated_add_that_was_killed_removes_the_rules_of_both,
    a_del_after_two_killed_adds_removes_the_rules_of_both,
);

/// Type, permissions and path of everything in the state directory, itself included.
fn modes(testbed: &RulesTestbed) -> Vec<String> {
    let lines = testbed.host.sh(&format!("find {STATE} -printf '%y %m %p\\n'"));
    lines.lines().map(str::to_owned).collect()
}

fn only_root_can_read_the_state(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    // For 127.0.0.1 there are further files, if there is a route to the container.
    testbed.host.run("ip link add br0 type bridge");
    testbed.host.run("ip address add 10.0.0.1/24 dev br0");
    testbed.host.run("ip link set br0 up");
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    let modes = modes(&testbed);
    // The iptables backends record who made a chain.
    let count = if backend == NFTABLES { 10 } else { 11 };
    assert_eq!(modes.len(), count, "lock, claim, and what is recorded of the host: {modes:?}");
    for line in &modes {
        let is_private = ["d 700 ", "f 600 ", "l "].iter().any(|mode| line.starts_with(mode));
        assert!(is_private, "directories are 0700 and files 0600: {line} of {modes:?}");
    }
}

fn symbolic_links_are_never_followed(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    testbed.host.sh(&format!(
        "mkdir /run/elsewhere; echo precious >/run/precious; ln -s /run/elsewhere {STATE}"
    ));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "a link in place of the directory is refused: {msg}");
    assert!(msg.contains(STATE), "the message names it: {msg}");
    assert_eq!(files(&testbed.host, "/run/elsewhere"), [] as [&str; 0], "nothing was put there");
    assert_eq!(testbed.plugins.verbs(), ["inner ADD", "inner DEL"], "the delegate was rolled back");
    testbed.host.run(&format!("rm {STATE}"));

    add(&call);
    let file = files(&testbed.host, STATE).into_iter().find(|name| name.ends_with(".json"));
    let file = file.expect("a claim");
    del(&call);
    for name in [file.clone(), format!(".{file}")] {
        testbed.host.sh(&format!("ln -sf /run/precious {STATE}/{name}"));
        add(&call);
        assert_eq!(
            testbed.host.read("/run/precious"),
            "precious\n",
            "{name} was not written through"
        );
        del(&call);
        assert_eq!(files(&testbed.host, STATE), ["lock"], "the link itself was removed");
        assert_eq!(testbed.host.read("/run/precious"), "precious\n", "its target was not");
    }

    testbed.host.sh(&format!("ln -sf /run/precious {STATE}/lock"));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "a link in place of the lock is refused: {msg}");
    assert_eq!(testbed.host.read("/run/precious"), "precious\n", "and not written through");
    assert_eq!(testbed.own_rules(), "", "none of the refused ADDs left a rule");
}

fn a_directory_of_another_user_is_refused(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.sh(&format!("mkdir {STATE}; chown 4711 {STATE}"));
    let (code, msg, _) = testbed.call("c1", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 5, "another user could change its files: {msg}");
    assert!(msg.contains("user 4711"), "the message names the user: {msg}");
    assert_eq!(testbed.own_rules(), "", "nothing was created");
}

fn damaged_files_do_not_stop_del_and_do_not_free_host_ports(backend: &'static str) {
    let damages = [
        ("empty", ": >$file"),
        ("incomplete", "head -c 40 $file >half; mv half $file"),
        ("not JSON", "head -c 5000 /dev/urandom >$file"),
        ("of another container", "sed -i s/c1/c2/ $file"),
        ("of a later version", "sed -i 's/\"version\":1/\"version\":2/' $file"),
        ("a directory", "rm $file; mkdir $file"),
        ("a pipe", "rm $file; mkfifo $file"),
        ("of a prepared claim", "mv $file .$file"),
    ];
    let testbed = RulesTestbed::new(backend);
    for (name, damage) in damages {
        let call = testbed.call("c1", &[tcp(8080, 80)]);
        add(&call);
        testbed.host.sh(&format!("cd {STATE}; file=$(ls *.json); {damage}"));
        let (code, msg, _) = testbed.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
        assert_eq!(code, 105, "{name}: an owner that is not proven dead keeps its port: {msg}");
        if name == "a directory" {
            let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
            assert_eq!(code, 11, "a directory is not removed: {msg}");
            testbed.host.sh(&format!("rmdir {STATE}/*.json"));
        }
        del(&call);
        assert_eq!(testbed.own_rules(), "", "{name}: the rules were removed");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "{name}: so was the file");
    }
}

fn a_read_only_run_fails_an_add_and_leaves_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    testbed.host.run("mount -o remount,ro /run");
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    assert!(msg.contains(STATE) && msg.contains("Read-only"), "file and reason: {msg}");
    assert_eq!(testbed.plugins.verbs(), ["inner ADD", "inner DEL"], "the delegate was rolled back");
    assert_eq!(testbed.own_rules(), "", "no rule was created");
    testbed.host.run("mount -o remount,rw /run");

    add(&call);
    let before = testbed.own_rules();
    testbed.host.run("mount -o remount,ro /run");
    let (code, msg, _) = testbed.call("c2", &[tcp(8081, 80)]).run(plugin()).error();
    assert_eq!(code, 5, "also if the directory exists already: {msg}");
    assert_eq!(testbed.own_rules(), before, "no rule was created");
    let verbs = testbed.plugins.verbs();
    assert_eq!(verbs[3..], ["inner ADD", "inner DEL"], "the delegate was rolled back");
}

fn a_full_disk_fails_an_add_and_leaves_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.run(&format!("mkdir {STATE}"));
    // Room for the directory and the lock, and for a part of what is recorded of a claim.
    for inodes in 2..6 {
        let options = format!("mode=700,nr_inodes={inodes}");
        testbed.host.run(&format!("mount -t tmpfs -o {options} tmpfs {STATE}"));
        let (code, msg, _) = testbed.call("c1", &[tcp(8080, 80)]).run(plugin()).error();
        assert_eq!(code, 5, "{msg}");
        let names_the_file = msg.contains(&format!("{STATE}/"));
        assert!(names_the_file && msg.contains("No space left"), "file and reason: {msg}");
        let verbs = testbed.plugins.verbs();
        let last = &verbs[verbs.len() - 2..];
        assert_eq!(last, ["inner ADD", "inner DEL"], "the delegate was rolled back");
        assert_eq!(testbed.own_rules(), "", "no rule was created");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "nothing is left with {inodes} inodes");
        testbed.host.run(&format!("umount {STATE}"));
    }
}

fn another_state_directory_is_used_for_the_whole_lifecycle(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let elsewhere = "/run/deep/down";
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("stateDir", json!(elsewhere));
    add(&call);
    assert_eq!(files(&testbed.host, elsewhere).len(), 1, "it contains the claim");
    let in_default = files(&testbed.host, STATE);
    assert!(in_default.contains(&"lock".to_owned()), "the record is the host's: {in_default:?}");
    assert!(!in_default.iter().any(|name| name.starts_with("c1~")), "{in_default:?}");
    del(&call);
    assert_eq!(files(&testbed.host, elsewhere), [""; 0], "DEL uses it, too");
    assert_eq!(files(&testbed.host, STATE), ["lock"], "and cleans up the record");
    assert_eq!(testbed.own_rules(), "", "and removes the rules");
}

/// Makes a claim prepared, as a killed ADD or DEL leaves it.
fn reopen(testbed: &RulesTestbed, id: &str) {
    testbed.host.sh(&format!("cd {STATE}; for file in {id}~*.json; do mv $file .$file; done"));
}

fn restore_does_not_give_a_host_port_to_an_add_or_del_that_was_killed(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| testbed.call(id, &[tcp(8080, 80)]));
    add(&one);
    reopen(&testbed, "c1");
    flush_firewall(&testbed.host, backend);
    add(&two);
    flush_firewall(&testbed.host, backend);
    CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin()).expect_success();
    let rules = testbed.own_rules();
    assert!(rules.contains("container_id: c2") && !rules.contains("container_id: c1"), "{rules}");
    del(&one);
    del(&two);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

/// Returns an ADD in the chained position of a container with these addresses.
fn with_addresses(testbed: &RulesTestbed, addresses: &[&str]) -> CallBuilder {
    let ips: Vec<_> = addresses.iter().map(|address| json!({ "address": address })).collect();
    testbed
        .call("c1", &[tcp(8080, 80)])
        .key("delegate", json!(null))
        .key("cniVersion", json!("1.0.0"))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": ips}))
}

fn a_del_after_a_repeated_add_that_was_killed_removes_the_rules_of_both(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = with_addresses(&testbed, &["10.0.0.2/24", "fd00::2/64"]);
    add(&call);
    // The second ADD had no IPv6 address, and was killed before it changed any rule.
    testbed.host.sh(&format!(
        "cd {STATE}; for file in c1~*.json; do
            sed 's|,\"fd00::2/64\"||' $file >.$file; ! cmp -s $file .$file
         done"
    ));
    del(&call);
    assert_eq!(testbed.own_rules(), "");
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

/// The first ADD was killed after its rules were created, the second one, without an IPv6 address,
/// at any point.
fn a_del_after_two_killed_adds_removes_the_rules_of_both(backend: &'static str) {
    // Most system calls of iptables are made by its loader.
    take_precedence();
    let step = if backend == NFTABLES { 40 } else { 120 };
    let testbed = RulesTestbed::new(backend);
    let first = with_addresses(&testbed, &["10.0.0.2/24", "fd00::2/64"]);
    let second = with_addresses(&testbed, &["10.0.0.2/24"]);
    let mut kills = 0;
    for number in (1..).step_by(step) {
        add(&first);
        reopen(&testbed, "c1");
        let faulted = second.run_with_fault(plugin(), number, Fault::KillPlugin);
        del(&second);
        assert_eq!(testbed.own_rules(), "", "{backend}: {faulted}");
        assert_eq!(files(&testbed.host, STATE), ["lock"], "{backend}: {faulted}");
        if faulted.at.is_none() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 2, "{backend}: the second ADD was killed {kills} times");
}
