//! The circuit breaker: when it opens, and how it closes again.

use std::path::PathBuf;

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script, wait_until};
use serde_json::{Value, json};

use crate::common::{DAEMON, EndDaemons, add, delegate, plugin, verbs};

/// The time in seconds for which a breaker stays open until the test ends.
const LONG: f64 = 3600.0;

fn failing() -> Script {
    Script::succeed().on("ADD", Behaviour::error(120, "no address left"))
}

/// Returns an ADD for this container, with a breaker that two failures open for `open_for` seconds.
fn add_for(dir: &PluginDir, id: &str, open_for: f64) -> CallBuilder {
    let breaker = json!({
        "failureThreshold": 2, "window": LONG, "openFor": open_for, "maxOpenFor": LONG,
    });
    add(dir, json!({ "circuitBreaker": breaker })).container_id(id)
}

/// Opens the breaker with two failed ADDs.
fn opened(open_for: f64) -> PluginDir {
    let dir = delegate(&failing());
    for id in ["a", "b"] {
        assert_eq!(add_for(&dir, id, open_for).run(plugin()).error().0, 120);
    }
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD", "DEL"]);
    dir
}

fn wait_until_half_open(dir: &PluginDir) {
    wait_until("it is half open", || {
        add_for(dir, "", 0.2).as_verb("STATUS").run(plugin()).status.success()
    });
}

fn files(dir: &PluginDir, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.path().join("state")).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

/// Returns the stored state.
fn stored(dir: &PluginDir) -> Value {
    let files = files(dir, ".json");
    let [file] = files.as_slice() else { panic!("{files:?}") };
    serde_json::from_slice(&std::fs::read(file).expect("it can be read")).expect("JSON")
}

#[test]
fn failed_adds_open_it_for_all_containers_of_the_network() {
    let dir = opened(LONG);
    let before = verbs(&dir).len();
    let refused = add_for(&dir, "c", LONG);
    let (code, msg, _) = refused.run(plugin()).error();
    assert_eq!(code, 11);
    assert!(msg.contains("network \"net\"") && msg.contains("no address left"), "{msg}");
    assert!(msg.contains("the circuit breaker is open for another "), "{msg}");
    let (code, msg, _) = refused.clone().as_verb("STATUS").run(plugin()).error();
    assert!(code == 50 && msg.contains("no address left"), "{code}: {msg}");
    assert_eq!(verbs(&dir).len(), before, "the delegate is not called");
    let other = refused.key("name", json!("other"));
    assert_eq!(other.run(plugin()).error().0, 120, "another network is not affected");
}

#[test]
fn del_check_and_gc_are_not_refused_while_it_is_open() {
    let dir = opened(LONG);
    let before = verbs(&dir).len();
    for verb in ["DEL", "CHECK", "GC"] {
        let call = add_for(&dir, "a", LONG).as_verb(verb);
        let call = call.key("prevResult", json!({"cniVersion": "1.1.0", "ips": []}));
        call.key("cni.dev/valid-attachments", json!([])).run(plugin()).expect_success();
    }
    assert_eq!(verbs(&dir)[before..], ["DEL", "CHECK", "GC"]);
    assert_eq!(add_for(&dir, "c", LONG).run(plugin()).error().0, 11, "it is still open");
}

#[test]
fn a_successful_probe_closes_it() {
    let dir = opened(0.2);
    wait_until_half_open(&dir);
    dir.script("d", &Script::succeed());
    add_for(&dir, "c", 0.2).run(plugin()).expect_success();
    assert!(files(&dir, ".json").is_empty(), "nothing is stored");
    dir.script("d", &failing());
    assert_eq!(add_for(&dir, "d", 0.2).run(plugin()).error().0, 120, "the count starts from zero");
    add_for(&dir, "d", 0.2).as_verb("STATUS").run(plugin()).expect_success();
}

#[test]
fn a_failed_probe_opens_it_for_twice_as_long() {
    let dir = opened(0.2);
    assert_eq!(stored(&dir)["value"]["open"]["time"], 200);
    wait_until_half_open(&dir);
    assert_eq!(add_for(&dir, "c", 0.2).run(plugin()).error().0, 120);
    assert_eq!(stored(&dir)["value"]["open"]["time"], 400);
}

#[test]
fn one_probe_runs_at_a_time_and_one_that_is_killed_does_not_block_the_next() {
    let dir = opened(0.2);
    wait_until_half_open(&dir);
    dir.script("d", &Script::succeed().on("ADD", Behaviour::hang()));
    let before = dir.calls("d").len();
    let mut probe = add_for(&dir, "c", 0.2).start(plugin());
    wait_until("the probe is running", || dir.calls("d").len() > before);
    let (code, msg, _) = add_for(&dir, "d", 0.2).run(plugin()).error();
    assert!(code == 11 && msg.contains("another ADD is its probe"), "{code}: {msg}");
    assert_eq!(dir.calls("d").len(), before + 1);
    probe.kill();
    drop(probe.finish());
    let _end = EndDaemons(&dir);
    let daemon = Behaviour::hang().leaving_child(DAEMON, true);
    dir.script("d", &Script::succeed().on("ADD", daemon));
    let before = dir.calls("d").len();
    let mut probe = add_for(&dir, "d", 0.2).start(plugin());
    wait_until("the next probe is running", || dir.calls("d").len() > before);
    probe.kill();
    drop(probe);
    dir.script("d", &Script::succeed());
    wait_until("the lock of the probe is released", || {
        add_for(&dir, "d", 0.2).run(plugin()).status.success()
    });
    assert!(files(&dir, ".json").is_empty());
}

#[test]
fn concurrent_failures_are_all_counted() {
    let dir = delegate(&failing());
    let breaker = json!({
        "failureThreshold": 12, "window": LONG, "openFor": LONG, "maxOpenFor": LONG,
    });
    let breaker = json!({ "circuitBreaker": breaker });
    let run = |id: usize| add(&dir, breaker.clone()).container_id(&format!("c{id}"));
    let running: Vec<_> = (0..11).map(|id| run(id).start(plugin())).collect();
    running.into_iter().for_each(|call| assert_eq!(call.finish().error().0, 120));
    let counted = stored(&dir)["value"]["failures"].as_array().map(Vec::len);
    assert_eq!(counted, Some(11));
    assert_eq!(run(11).run(plugin()).error().0, 120);
    assert_eq!(run(12).run(plugin()).error().0, 11);
}

#[test]
fn a_success_resets_the_count_and_errors_that_blame_the_call_do_not_count() {
    let dir = delegate(&failing());
    let run = |id: &str| add_for(&dir, id, LONG).run(plugin());
    assert_eq!(run("a").error().0, 120);
    dir.script("d", &Script::succeed());
    run("b").expect_success();
    dir.script("d", &Script::succeed().on("ADD", Behaviour::error(7, "ports: not a port")));
    for id in ["c", "d", "e"] {
        assert_eq!(run(id).error().0, 7);
    }
    dir.script("d", &failing());
    assert_eq!(run("f").error().0, 120);
    assert_eq!(run("g").error().0, 120, "the failure before was the first in a row");
    assert_eq!(run("h").error().0, 11, "these two opened it");
}

#[test]
fn a_delegate_that_exceeds_the_deadline_counts_as_a_failure() {
    let dir = delegate(&Script::always(Behaviour::hang().ignoring_term()));
    let breaker = json!({"failureThreshold": 1, "openFor": LONG, "maxOpenFor": LONG});
    let guard = json!({"deadline": 2, "circuitBreaker": breaker});
    assert_eq!(add(&dir, guard.clone()).run(plugin()).error().0, 11);
    let (_, msg, _) = add(&dir, guard).run(plugin()).error();
    assert!(msg.contains("is open for another") && msg.contains("did not end within"), "{msg}");
}

#[test]
fn a_breaker_whose_state_is_damaged_is_closed_with_a_warning() {
    use std::os::unix::fs::symlink;
    let elsewhere = delegate(&Script::succeed());
    let target = elsewhere.path().join("target");
    for damage in ["not JSON", "{\"attachment\":{}}", "a link"] {
        let dir = opened(LONG);
        let [file] = &files(&dir, ".json")[..] else { panic!("one file") };
        if damage == "a link" {
            std::fs::rename(file, &target).expect("renamed");
            symlink(&target, file).expect("a link");
        } else {
            std::fs::write(file, damage).expect("it can be written");
        }
        let outcome = add_for(&dir, "c", LONG).run(plugin());
        assert_eq!(outcome.error().0, 120, "{damage}: the delegate is called: {outcome}");
        assert!(outcome.stderr.contains("the circuit breaker counts as closed"), "{outcome}");
        let failures = stored(&dir)["value"]["failures"].as_array().map(Vec::len);
        assert_eq!(failures, Some(1), "{damage}: the state was replaced");
        assert!(file.symlink_metadata().expect("it exists").is_file(), "not a link");
        std::fs::write(file, damage).expect("it can be written");
        dir.script("d", &Script::succeed());
        add_for(&dir, "d", LONG).run(plugin()).expect_success();
        assert!(!file.exists(), "after a success the damaged file is removed");
    }
}
