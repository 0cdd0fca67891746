//! Somebody else has flushed, half deleted or edited the rules, or holds the lock: what each verb and `restore` make of it.

use std::process::Child;

use cni_test_kit::{CallBuilder, Outcome};
use serde_json::json;

use super::checks::{check, damages, do_damage};
use super::world::{NFTABLES, Paper, STATE, files};
use crate::common::traces::empty_the_firewall;
use crate::common::{add, del, is_locked, plugin, tcp, wait_until};

on_every_backend!(
    what_somebody_broke_is_mended_by_restore,
    what_somebody_broke_is_mended_by_the_same_add_again,
    what_somebody_broke_does_not_keep_a_del_from_removing_its_own_and_nothing_else,
    a_container_that_starts_among_broken_rules_has_all_of_its_own,
    a_lock_that_is_held_longer_than_we_wait_is_reported_and_nothing_is_touched,
    restore_and_list_name_a_damaged_file_and_go_on_with_the_others,
);

/// How CHECK names what nobody of us has made.
const SURPLUS: &str = "too much: ";

fn restore(paper: &Paper) -> Outcome {
    CallBuilder::cli(&["restore"]).within(&paper.host).run(plugin())
}

/// Two containers of one network, before and after something was broken.
struct Broken<'p> {
    paper: &'p Paper,
    one: CallBuilder,
    two: CallBuilder,
    damage: String,
}

impl<'p> Broken<'p> {
    /// Each way in which something can be missing or changed, one after the other on this host.
    /// Call [`ends`](Self::ends) before the next.
    fn each(paper: &'p Paper) -> impl Iterator<Item = Self> {
        let missing = damages(paper.backend).into_iter();
        let missing = missing.filter(|(_, said)| !said.starts_with(SURPLUS));
        missing.map(move |(damage, _)| Self::by(paper, damage))
    }

    fn by(paper: &'p Paper, damage: String) -> Self {
        let [one, two] =
            [("c1", 8080), ("c2", 8081)].map(|(id, port)| paper.call(id, &[tcp(port, 80)]));
        add(&one);
        add(&two);
        do_damage(paper, &damage);
        check(&one).error();
        Self { paper, one, two, damage }
    }

    #[track_caller]
    fn is_whole(&self, call: &CallBuilder) {
        let outcome = check(call);
        assert_eq!(outcome.code(), Some(0), "after {}: {outcome}", self.damage);
    }

    /// Both go, and nothing stays.
    #[track_caller]
    fn ends(&self) {
        del(&self.one);
        del(&self.two);
        assert_eq!(self.paper.traces(), "", "after {}", self.damage);
        assert_eq!(files(&self.paper.host, STATE), ["lock"], "after {}", self.damage);
    }
}

fn what_somebody_broke_is_mended_by_restore(backend: &'static str) {
    let paper = Paper::new(backend);
    for broken in Broken::each(&paper) {
        let restored = restore(broken.paper);
        assert_eq!(restored.code(), Some(0), "after {}: {restored}", broken.damage);
        broken.is_whole(&broken.one);
        broken.is_whole(&broken.two);
        broken.ends();
    }
}

fn what_somebody_broke_is_mended_by_the_same_add_again(backend: &'static str) {
    let paper = Paper::new(backend);
    for broken in Broken::each(&paper) {
        add(&broken.one);
        broken.is_whole(&broken.one);
        add(&broken.two);
        broken.is_whole(&broken.two);
        broken.ends();
    }
}

fn what_somebody_broke_does_not_keep_a_del_from_removing_its_own_and_nothing_else(
    backend: &'static str,
) {
    let paper = Paper::new(backend);
    for broken in Broken::each(&paper) {
        del(&broken.one);
        let traces = broken.paper.traces();
        assert!(!traces.contains("container_id: c1 "), "after {}: {traces}", broken.damage);
        // What was broken of the other is still its own, and comes back.
        restore(broken.paper).expect_success();
        broken.is_whole(&broken.two);
        del(&broken.one);
        broken.is_whole(&broken.two);
        broken.ends();
    }
}

fn a_container_that_starts_among_broken_rules_has_all_of_its_own(backend: &'static str) {
    let paper = Paper::new(backend);
    for broken in Broken::each(&paper) {
        let three = broken.paper.call("c3", &[tcp(8082, 80)]);
        add(&three);
        broken.is_whole(&three);
        del(&three);
        broken.ends();
    }
}

#[test]
fn what_somebody_added_in_a_container_s_name_is_named_and_goes_with_the_same_add_again() {
    let surplus = damages(NFTABLES).into_iter().find(|(_, said)| said.starts_with(SURPLUS));
    let paper = Paper::new(NFTABLES);
    let broken = Broken::by(&paper, surplus.expect("one of that kind").0);
    let (_, msg, _) = check(&broken.one).error();
    assert!(msg.ends_with("delete it, or add the container again"), "what helps is told: {msg}");
    add(&broken.one);
    broken.is_whole(&broken.one);
    broken.ends();
}

/// Somebody who holds the lock of the state directory, until dropped.
struct Holder(Child);

impl Holder {
    fn of_the_lock(paper: &Paper) -> Self {
        let lock = format!("{STATE}/lock");
        let mut flock = paper.host.command("flock");
        let holder = Self(flock.args(["--no-fork", &lock, "sleep", "600"]).spawn().expect("flock"));
        wait_until("the lock is held", || is_locked(&paper.host, &lock));
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn a_lock_that_is_held_longer_than_we_wait_is_reported_and_nothing_is_touched(
    backend: &'static str,
) {
    let paper = Paper::new(backend);
    let known = paper.call("c1", &[tcp(8080, 80)]).key("lockTimeout", json!(0.2));
    let new = paper.call("c2", &[tcp(8081, 80)]).key("lockTimeout", json!(0.2));
    add(&known);
    let valid = json!([{"containerID": "c9", "ifname": "eth0"}]);
    let gc = known.clone().as_verb("GC").key("cni.dev/valid-attachments", valid);
    let before = (paper.traces(), files(&paper.host, STATE));
    let delegate_before = paper.plugins.verbs();
    let holder = Holder::of_the_lock(&paper);
    for call in [known.clone(), new.clone(), known.clone().as_verb("DEL"), gc.clone()] {
        let outcome = call.run(plugin());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "{outcome}");
        assert!(msg.contains("lock") && msg.contains("by process"), "who is waited for: {msg}");
        assert_eq!((paper.traces(), files(&paper.host, STATE)), before, "{outcome}");
    }
    let asked: Vec<String> = paper.plugins.verbs().split_off(delegate_before.len());
    let undone = ["inner ADD", "inner DEL"];
    // A DEL leaves the delegate alone: the address stays taken while rules point at it.
    assert_eq!(asked[..4], [undone, undone].concat(), "ADDs are undone");
    assert!(
        !asked[4..].contains(&"inner DEL".to_owned()),
        "no DEL reached the delegate: {asked:?}"
    );
    drop(holder);
    gc.run(plugin()).expect_success();
    assert_eq!(paper.traces(), "", "and later the same succeeds");
}

fn restore_and_list_name_a_damaged_file_and_go_on_with_the_others(backend: &'static str) {
    let damages = [
        ("empty", ": >$file"),
        ("half-written", "head -c 40 $file >half; mv half $file"),
        ("of another container", "sed -i s/c1/c2/ $file"),
        ("of a later form", "sed -i 's/\"version\":1/\"version\":2/' $file"),
        ("a directory", "rm $file; mkdir $file"),
        ("a pipe", "rm $file; mkfifo $file"),
        ("a link that leads nowhere", "ln -sf nowhere $file"),
    ];
    let paper = Paper::new(backend);
    for (name, damage) in damages {
        add(&paper.call("c1", &[tcp(8080, 80)]));
        let two = paper.call("c2", &[tcp(8081, 80)]);
        add(&two);
        paper.host.sh(&format!("cd {STATE}; file=$(echo c1~*.json); {damage}"));
        let file = files(&paper.host, STATE).into_iter().find(|name| name.starts_with("c1~"));
        empty_the_firewall(&paper.host, backend);
        for words in [["restore"], ["list"]] {
            let outcome = CallBuilder::cli(&words).within(&paper.host).run(plugin());
            assert_eq!(outcome.code(), Some(1), "{name}, {words:?}: {outcome}");
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            let file = file.as_deref().expect("the file is there");
            assert!(said.contains(file), "{name}, {words:?}: {file} is named: {said}");
        }
        let outcome = check(&two);
        assert_eq!(outcome.code(), Some(0), "{name}: the other one is restored: {outcome}");
        // Back to the initial state, for the next case.
        empty_the_firewall(&paper.host, backend);
        paper.host.sh(&format!("rm -r {STATE}"));
    }
}
