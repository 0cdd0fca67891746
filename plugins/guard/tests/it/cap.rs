//! The cap: how many delegates are at work at once, and what becomes of those that wait.

use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, RecordedCall, RunningCall, Script};
use serde_json::{Value, json};

use crate::common::{DAEMON, EndDaemons, add, delegate, plugin, processes, verbs, wait_until};

/// Seconds to wait for a slot that will be released.
const PATIENCE: f64 = 50.0;

fn capped(dir: &PluginDir, at_once: u32, timeout: f64) -> CallBuilder {
    let cap = json!({"name": "ipam", "atOnce": at_once, "timeout": timeout});
    add(dir, json!({ "cap": cap, "breaker": {"failures": 1} }))
}

/// The most calls that were at work at one moment.
fn most_at_once(calls: &[RecordedCall]) -> usize {
    let at_work = |moment: u64| {
        let end = |call: &RecordedCall| call.end_ns.expect("it ended");
        calls.iter().filter(|call| call.start_ns <= moment && moment < end(call)).count()
    };
    calls.iter().map(|call| at_work(call.start_ns)).max().unwrap_or_default()
}

#[test]
fn of_many_calls_at_once_no_more_than_the_cap_are_at_work() {
    let dir = delegate(&Script::always(Behaviour::slow(Duration::from_millis(100))));
    let call = capped(&dir, 3, PATIENCE);
    let running: Vec<_> = (0..16)
        .map(|number| {
            let call = call.clone().container_id(&format!("c{number}"));
            // All networks that name the cap share it, and a DEL is work, too.
            let call = call.key("name", json!(["one", "two"][number % 2]));
            call.as_verb(["ADD", "DEL"][number / 2 % 2]).start(plugin())
        })
        .collect();
    running.into_iter().for_each(|call| drop(call.finish().expect_success()));
    let calls = dir.calls("d");
    assert_eq!(calls.len(), 16);
    let most = most_at_once(&calls);
    assert!(most <= 3, "{most} were at work at once");
}

#[test]
fn as_many_calls_as_the_cap_are_at_work_at_once_and_the_next_is_not() {
    let dir = delegate(&Script::always(Behaviour::hang()));
    let mut running: Vec<_> = (1..=3)
        .map(|number| capped(&dir, 3, PATIENCE).container_id(&format!("c{number}")).start(plugin()))
        .collect();
    wait_until("three are at work", || dir.calls("d").len() == 3);
    assert_eq!(capped(&dir, 3, 0.1).container_id("c4").run(plugin()).error().0, 11);
    assert_eq!((dir.calls("d").len(), processes(&dir).len()), (3, 3), "there is no fourth");
    running.iter_mut().for_each(RunningCall::kill);
}

#[test]
fn who_waits_in_vain_is_told_the_cap_and_who_holds_it() {
    let dir = delegate(&Script::obey().on("ADD", Behaviour::hang()));
    let mut holder = capped(&dir, 1, PATIENCE).container_id("first").start(plugin());
    wait_until("the first is at work", || dir.calls("d").len() == 1);
    let call = capped(&dir, 1, 0.1).container_id("second");
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 11);
    let by = format!("process {} (ADD of eth0 of container first, network net)", holder.pid());
    assert!(msg.contains("cap \"ipam\" (1 at once on this host)") && msg.contains(&by), "{msg}");
    assert_eq!(call.clone().as_verb("DEL").run(plugin()).error().0, 11);
    assert_eq!(verbs(&dir), ["ADD"], "the delegate is not called");
    call.as_verb("STATUS").run(plugin()).expect_success();
    holder.kill();
}

#[test]
fn a_holder_that_is_killed_frees_its_slot() {
    let dir = delegate(&Script::obey().at_first("ADD", [Behaviour::hang().ignoring_term()]));
    let mut holder = capped(&dir, 1, PATIENCE).start(plugin());
    wait_until("it is at work", || dir.calls("d").len() == 1);
    holder.kill();
    capped(&dir, 1, PATIENCE).container_id("second").run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "ADD"]);
    drop(holder);
}

#[test]
fn a_daemon_that_a_delegate_leaves_behind_holds_no_slot() {
    let behind = Behaviour::obey().leaving_child(DAEMON, true);
    let dir = delegate(&Script::obey().on("ADD", behind));
    let _end = EndDaemons(&dir);
    for id in ["c1", "c2"] {
        // The second would wait for the daemon of the first.
        capped(&dir, 1, PATIENCE).container_id(id).run(plugin()).expect_success();
    }
}

#[test]
fn state_is_closed_to_others_and_no_link_is_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = delegate(&Script::obey());
    let call = capped(&dir, 1, PATIENCE);
    call.run(plugin()).expect_success();
    let state = dir.path().join("state");
    let mode = |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode(&state) & 0o777, 0o700);
    assert_eq!(mode(&state.join("cap-ipam-1.lock")) & 0o777, 0o600);
    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(&state, &elsewhere).expect("renamed");
    symlink(&elsewhere, &state).expect("a link");
    let (code, msg, _) = call.run(plugin()).error();
    assert!(code == 5 && msg.contains("state"), "{code}: {msg}");
    assert_eq!(verbs(&dir), ["ADD"], "the delegate is not called");
    let outcome = call.as_verb("DEL").run(plugin()).expect_success();
    assert!(outcome.stderr.contains("DEL does without a slot"), "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn mistakes_are_named_with_their_key_and_keep_no_del_from_the_delegate() {
    let dir = delegate(&Script::obey());
    let mistakes: [(Value, &str, &str); 9] = [
        (json!({"deadline": 0}), "guard.deadline", "over 0 and at most 86400"),
        (json!({"deadline": "30s"}), "guard.deadline", "invalid type"),
        (json!({"dedline": 1}), "guard", "expected one of `deadline`"),
        (json!({"retry": {"tries": 0}}), "guard.retry.tries", "nonzero"),
        (json!({"retry": {"codes": [-1]}}), "guard.retry.codes[0]", "invalid number"),
        (json!({"cap": {"atOnce": 1}}), "guard.cap", "missing field `name`"),
        (json!({"cap": {"name": "a/b", "atOnce": 1}}), "guard.cap.name", "is no name"),
        (json!({"cap": {"name": "a", "atOnce": 0}}), "guard.cap.atOnce", "nonzero"),
        (
            json!({"breaker": {"open": 10, "longestOpen": 5}}),
            "guard.breaker.longestOpen",
            "less than `open`",
        ),
    ];
    for (guard, key, why) in mistakes {
        for verb in ["ADD", "STATUS", "GC"] {
            let (code, msg, _) = add(&dir, guard.clone()).as_verb(verb).run(plugin()).error();
            assert_eq!(code, 7, "{guard}: {msg}");
            assert!(msg.starts_with(key) && msg.contains(why), "{guard}: {msg}");
        }
        add(&dir, guard).as_verb("DEL").run(plugin()).expect_success();
    }
    assert_eq!(verbs(&dir), ["DEL"; 9]);
}

#[test]
fn without_a_delegate_there_is_nothing_to_guard() {
    let prev = json!({"cniVersion": "1.1.0", "ips": []});
    let call = CallBuilder::add("net").config(json!({"cniVersion": "1.1.0", "prevResult": prev}));
    for verb in ["ADD", "CHECK", "STATUS"] {
        let (code, msg, _) = call.clone().as_verb(verb).run(plugin()).error();
        assert_eq!(code, 7);
        assert!(msg.starts_with("delegate: ") && msg.contains("nothing to guard"), "{msg}");
    }
    call.as_verb("DEL").run(plugin()).expect_success();
}
