//! Another program has flushed, partly deleted or edited the rules, or holds the lock: how each
//! verb and `restore` behave.

use std::process::Child;

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::json;

use super::checks::{check, damages, do_damage};
use super::testbed::{NFTABLES, RulesTestbed, STATE, files};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, is_locked, plugin, tcp, wait_until};

on_every_backend!(
    restore_repairs_external_changes,
    a_repeated_add_repairs_external_changes,
    after_external_changes_a_del_removes_its_own_rules_and_nothing_else,
    after_external_changes_a_new_container_has_all_its_rules,
    a_lock_that_is_held_longer_than_the_timeout_is_reported_and_nothing_is_changed,
    restore_and_list_report_a_damaged_file_and_continue_with_the_others,
);

/// How CHECK reports rules that the port mapper has not created.
const UNEXPECTED: &str = "unexpected: ";

fn restore(testbed: &RulesTestbed) -> Outcome {
    CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin())
}

/// Two containers of one network, and the damage that was done to their rules.
struct Damaged<'p> {
    testbed: &'p RulesTestbed,
    one: CallBuilder,
    two: CallBuilder,
    damage: String,
}

impl<'p> Damaged<'p> {
    /// Does each damage in which something is missing or changed, one after the other on this host.
    /// Call [`delete_all`](Self::delete_all) before the next one.
    fn each(testbed: &'p RulesTestbed) -> impl Iterator<Item = Self> {
        let missing = damages(testbed.backend).into_iter();
        let missing = missing.filter(|(_, report)| !report.starts_with(UNEXPECTED));
        missing.map(move |(damage, _)| Self::by(testbed, damage))
    }

    fn by(testbed: &'p RulesTestbed, damage: String) -> Self {
        let [one, two] =
            [("c1", 8080), ("c2", 8081)].map(|(id, port)| testbed.call(id, &[tcp(port, 80)]));
        add(&one);
        add(&two);
        do_damage(testbed, &damage);
        check(&one).error();
        Self { testbed, one, two, damage }
    }

    #[track_caller]
    fn assert_complete(&self, call: &CallBuilder) {
        let outcome = check(call);
        assert_eq!(outcome.code(), Some(0), "after {}: {outcome}", self.damage);
    }

    /// Deletes both containers, and checks that nothing is left.
    #[track_caller]
    fn delete_all(&self) {
        del(&self.one);
        del(&self.two);
        assert_eq!(self.testbed.own_rules(), "", "after {}", self.damage);
        assert_eq!(files(&self.testbed.host, STATE), ["lock"], "after {}", self.damage);
    }
}

fn restore_repairs_external_changes(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for damaged in Damaged::each(&testbed) {
        let restored = restore(damaged.testbed);
        assert_eq!(restored.code(), Some(0), "after {}: {restored}", damaged.damage);
        damaged.assert_complete(&damaged.one);
        damaged.assert_complete(&damaged.two);
        damaged.delete_all();
    }
}

fn a_repeated_add_repairs_external_changes(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for damaged in Damaged::each(&testbed) {
        add(&damaged.one);
        damaged.assert_complete(&damaged.one);
        add(&damaged.two);
        damaged.assert_complete(&damaged.two);
        damaged.delete_all();
    }
}

fn after_external_changes_a_del_removes_its_own_rules_and_nothing_else(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for damaged in Damaged::each(&testbed) {
        del(&damaged.one);
        let rules = damaged.testbed.own_rules();
        assert!(!rules.contains("container_id: c1 "), "after {}: {rules}", damaged.damage);
        // The damaged rules of the other container can still be restored.
        restore(damaged.testbed).expect_success();
        damaged.assert_complete(&damaged.two);
        del(&damaged.one);
        damaged.assert_complete(&damaged.two);
        damaged.delete_all();
    }
}

fn after_external_changes_a_new_container_has_all_its_rules(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for damaged in Damaged::each(&testbed) {
        let three = damaged.testbed.call("c3", &[tcp(8082, 80)]);
        add(&three);
        damaged.assert_complete(&three);
        del(&three);
        damaged.delete_all();
    }
}

#[test]
fn an_element_added_with_the_tag_of_a_container_is_reported_and_removed_by_a_repeated_add() {
    let unexpected =
        damages(NFTABLES).into_iter().find(|(_, report)| report.starts_with(UNEXPECTED));
    let testbed = RulesTestbed::new(NFTABLES);
    let damaged = Damaged::by(&testbed, unexpected.expect("such a damage").0);
    let (_, msg, _) = check(&damaged.one).error();
    assert!(msg.ends_with("delete them, or repeat the ADD"), "the message says what to do: {msg}");
    add(&damaged.one);
    damaged.assert_complete(&damaged.one);
    damaged.delete_all();
}

/// A process that holds the lock of the state directory until it is dropped.
struct LockHolder(Child);

impl LockHolder {
    fn of_state_lock(testbed: &RulesTestbed) -> Self {
        let lock = format!("{STATE}/lock");
        let mut flock = testbed.host.command("flock");
        let holder = Self(flock.args(["--no-fork", &lock, "sleep", "600"]).spawn().expect("flock"));
        wait_until("the lock is held", || is_locked(&testbed.host, &lock));
        holder
    }
}

impl Drop for LockHolder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn a_lock_that_is_held_longer_than_the_timeout_is_reported_and_nothing_is_changed(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let known = testbed.call("c1", &[tcp(8080, 80)]).key("lockTimeout", json!(0.2));
    let new = testbed.call("c2", &[tcp(8081, 80)]).key("lockTimeout", json!(0.2));
    add(&known);
    let valid = json!([{"containerID": "c9", "ifname": "eth0"}]);
    let gc = known.clone().as_verb("GC").key("cni.dev/valid-attachments", valid);
    let before = (testbed.own_rules(), files(&testbed.host, STATE));
    let delegate_before = testbed.plugins.verbs();
    let holder = LockHolder::of_state_lock(&testbed);
    for call in [known.clone(), new.clone(), known.clone().as_verb("DEL"), gc.clone()] {
        let outcome = call.run(plugin());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "{outcome}");
        assert!(
            msg.contains("lock") && msg.contains("by process"),
            "the message names the process: {msg}"
        );
        assert_eq!((testbed.own_rules(), files(&testbed.host, STATE)), before, "{outcome}");
    }
    let verbs: Vec<String> = testbed.plugins.verbs().split_off(delegate_before.len());
    // A repeated ADD is not rolled back: the container is attached. DEL does not call the delegate:
    // the address must not be released while rules lead to it.
    assert_eq!(verbs[..3], ["inner ADD", "inner ADD", "inner DEL"], "only the new ADD is undone");
    assert!(
        !verbs[3..].contains(&"inner DEL".to_owned()),
        "DEL did not reach the delegate: {verbs:?}"
    );
    drop(holder);
    gc.run(plugin()).expect_success();
    assert_eq!(testbed.own_rules(), "", "it succeeds once the lock is released");
}

fn restore_and_list_report_a_damaged_file_and_continue_with_the_others(backend: &'static str) {
    let damages = [
        ("empty", ": >$file"),
        ("incomplete", "head -c 40 $file >half; mv half $file"),
        ("of another container", "sed -i s/c1/c2/ $file"),
        ("of a later version", "sed -i 's/\"version\":1/\"version\":2/' $file"),
        ("a directory", "rm $file; mkdir $file"),
        ("a pipe", "rm $file; mkfifo $file"),
        ("a link that leads nowhere", "ln -sf nowhere $file"),
    ];
    let testbed = RulesTestbed::new(backend);
    for (name, damage) in damages {
        add(&testbed.call("c1", &[tcp(8080, 80)]));
        let two = testbed.call("c2", &[tcp(8081, 80)]);
        add(&two);
        testbed.host.sh(&format!("cd {STATE}; file=$(echo c1~*.json); {damage}"));
        let file = files(&testbed.host, STATE).into_iter().find(|name| name.starts_with("c1~"));
        flush_firewall(&testbed.host, backend);
        for args in [["restore"], ["list"]] {
            let outcome = CallBuilder::cli(&args).within(&testbed.host).run(plugin());
            assert_eq!(outcome.code(), Some(1), "{name}, {args:?}: {outcome}");
            let output = format!("{}{}", outcome.stdout, outcome.stderr);
            let file = file.as_deref().expect("the file is there");
            assert!(output.contains(file), "{name}, {args:?}: {file} is named: {output}");
        }
        let outcome = check(&two);
        assert_eq!(outcome.code(), Some(0), "{name}: the other one is restored: {outcome}");
        // Back to the initial state, for the next case.
        flush_firewall(&testbed.host, backend);
        testbed.host.sh(&format!("rm -r {STATE}"));
    }
}
