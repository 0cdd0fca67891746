//! The concurrency limit: how many delegates run concurrently, and what happens to those that
//! wait.

use std::time::Duration;

use cni_test_kit::{
    Behaviour, CallBuilder, PluginDir, RecordedCall, RunningCall, Script, wait_until,
};
use serde_json::json;

use crate::common::{DAEMON, EndDaemons, add, delegate, plugin, processes, verbs};

/// The timeout, in seconds, of a call whose permit will be released.
const LONG: f64 = 50.0;

fn limited(dir: &PluginDir, max: u32, timeout: f64) -> CallBuilder {
    let limit = json!({"name": "ipam", "maxConcurrent": max, "timeout": timeout});
    let breaker = json!({"failureThreshold": 1});
    add(dir, json!({ "concurrencyLimit": limit, "circuitBreaker": breaker }))
}

/// Returns the largest number of calls that ran at the same time.
fn max_concurrent(calls: &[RecordedCall]) -> usize {
    let running_at = |time: u64| {
        let end = |call: &RecordedCall| call.end_ns.expect("it ended");
        calls.iter().filter(|call| call.start_ns <= time && time < end(call)).count()
    };
    calls.iter().map(|call| running_at(call.start_ns)).max().unwrap_or_default()
}

#[test]
fn no_more_calls_run_concurrently_than_the_limit_allows() {
    let dir = delegate(&Script::always(Behaviour::slow(Duration::from_millis(100))));
    let call = limited(&dir, 3, LONG);
    let running: Vec<_> = (0..16)
        .map(|number| {
            let call = call.clone().container_id(&format!("c{number}"));
            // All networks that use the name share the limit, and DEL counts as ADD does.
            let call = call.key("name", json!(["one", "two"][number % 2]));
            call.as_verb(["ADD", "DEL"][number / 2 % 2]).start(plugin())
        })
        .collect();
    running.into_iter().for_each(|call| drop(call.finish().expect_success()));
    let calls = dir.calls("d");
    assert_eq!(calls.len(), 16);
    let max = max_concurrent(&calls);
    assert!(max <= 3, "{max} ran concurrently");
}

#[test]
fn as_many_calls_as_the_limit_run_concurrently_and_the_next_does_not() {
    let dir = delegate(&Script::always(Behaviour::hang()));
    let mut running: Vec<_> = (1..=3)
        .map(|number| limited(&dir, 3, LONG).container_id(&format!("c{number}")).start(plugin()))
        .collect();
    wait_until("three are running", || dir.calls("d").len() == 3);
    assert_eq!(limited(&dir, 3, 0.1).container_id("c4").run(plugin()).error().0, 11);
    assert_eq!((dir.calls("d").len(), processes(&dir).len()), (3, 3), "a fourth does not run");
    running.iter_mut().for_each(RunningCall::kill);
}

#[test]
fn a_call_that_gets_no_permit_fails_with_the_limit_and_the_holder() {
    let dir = delegate(&Script::succeed().on("ADD", Behaviour::hang()));
    let mut holder = limited(&dir, 1, LONG).container_id("first").start(plugin());
    wait_until("the first is running", || dir.calls("d").len() == 1);
    let call = limited(&dir, 1, 0.1).container_id("second");
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 11);
    let by = format!("process {} (ADD of eth0 of container first, network net)", holder.pid());
    assert!(
        msg.contains("concurrency limit \"ipam\" (1 on this host)") && msg.contains(&by),
        "{msg}"
    );
    assert_eq!(call.clone().as_verb("DEL").run(plugin()).error().0, 11);
    assert_eq!(verbs(&dir), ["ADD"], "the delegate is not called");
    call.as_verb("STATUS").run(plugin()).expect_success();
    holder.kill();
}

#[test]
fn a_holder_that_is_killed_releases_its_permit() {
    let dir = delegate(&Script::succeed().at_first("ADD", [Behaviour::hang().ignoring_term()]));
    let mut holder = limited(&dir, 1, LONG).start(plugin());
    wait_until("it is running", || dir.calls("d").len() == 1);
    holder.kill();
    limited(&dir, 1, LONG).container_id("second").run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "ADD"]);
    drop(holder);
}

#[test]
fn a_daemon_that_a_delegate_leaves_behind_holds_no_permit() {
    let daemon = Behaviour::succeed().leaving_child(DAEMON, true);
    let dir = delegate(&Script::succeed().on("ADD", daemon));
    let _end = EndDaemons(&dir);
    for id in ["c1", "c2"] {
        // If the daemon of the first held the permit, the second would wait for it.
        limited(&dir, 1, LONG).container_id(id).run(plugin()).expect_success();
    }
}

#[test]
fn the_state_directory_is_private_and_must_not_be_a_symbolic_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = delegate(&Script::succeed());
    let call = limited(&dir, 1, LONG);
    call.run(plugin()).expect_success();
    let state = dir.path().join("state");
    let mode = |path: &std::path::Path| path.metadata().expect("it exists").permissions().mode();
    assert_eq!(mode(&state) & 0o777, 0o700);
    assert_eq!(mode(&state.join("limit-ipam-1.lock")) & 0o777, 0o600);
    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(&state, &elsewhere).expect("renamed");
    symlink(&elsewhere, &state).expect("a link");
    let (code, msg, _) = call.run(plugin()).error();
    assert!(code == 5 && msg.contains("state"), "{code}: {msg}");
    assert_eq!(verbs(&dir), ["ADD"], "the delegate is not called");
    let outcome = call.as_verb("DEL").run(plugin()).expect_success();
    assert!(outcome.stderr.contains("DEL goes on without a permit"), "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}
