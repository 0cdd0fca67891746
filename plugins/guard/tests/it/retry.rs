//! Retries and the deadline, around scripted delegates.

use std::time::Duration;

use cni_test_kit::{Behaviour, Script, wait_until};
use serde_json::json;

use crate::common::{add, delegate, plugin, processes, verbs};

fn later(times: usize) -> Vec<Behaviour> {
    vec![Behaviour::error(11, "later"); times]
}

#[test]
fn an_add_with_a_transient_error_is_undone_and_retried() {
    let dir = delegate(&Script::succeed().at_first("ADD", later(2)));
    let outcome = add(&dir, json!({"retry": {"backoff": 0.01}})).run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD", "DEL", "ADD"]);
    assert!(outcome.stderr.contains("attempt 2 of ADD failed, retrying in "), "{outcome}");
}

#[test]
fn after_the_last_attempt_the_error_of_the_delegate_is_returned() {
    let dir = delegate(&Script::succeed().on("ADD", Behaviour::error(11, "later")));
    let call = add(&dir, json!({"retry": {"backoff": 0.01, "maxAttempts": 3}}));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "later"));
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD", "DEL", "ADD", "DEL"]);
}

#[test]
fn only_listed_codes_are_retried() {
    for (codes, code, attempts) in
        [(json!([11]), 120, 1), (json!([120]), 120, 4), (json!([]), 11, 1)]
    {
        let dir = delegate(&Script::succeed().on("ADD", Behaviour::error(code, "no")));
        let call = add(&dir, json!({"retry": {"backoff": 0.01, "codes": codes}}));
        assert_eq!(call.run(plugin()).error().0, u64::from(code));
        let adds = verbs(&dir).iter().filter(|verb| *verb == "ADD").count();
        assert_eq!(adds, attempts, "code {code} with {codes}");
    }
}

#[test]
fn del_check_and_gc_are_retried_and_status_is_not() {
    for (verb, attempts) in [("DEL", 3), ("CHECK", 3), ("GC", 3), ("STATUS", 1)] {
        let dir = delegate(&Script::succeed().at_first(verb, later(2)));
        let call = add(&dir, json!({"retry": {"backoff": 0.01}})).as_verb(verb);
        let call = call.key("prevResult", json!({"cniVersion": "1.1.0", "ips": []}));
        let outcome = call.key("cni.dev/valid-attachments", json!([])).run(plugin());
        assert_eq!(outcome.status.success(), attempts == 3, "{verb}: {outcome}");
        assert_eq!(verbs(&dir), vec![verb; attempts], "{verb}");
    }
}

#[test]
fn leftovers_of_a_failed_rollback_are_removed_before_the_next_attempt() {
    let dir = delegate(&Script::succeed().at_first("ADD", later(1)).at_first("DEL", later(1)));
    add(&dir, json!({"retry": {"backoff": 0.01}})).run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "ADD"]);
}

#[test]
fn an_add_is_not_retried_while_leftovers_remain() {
    let script =
        Script::succeed().at_first("ADD", later(1)).on("DEL", Behaviour::error(11, "stuck"));
    let dir = delegate(&script);
    let (code, msg, details) = add(&dir, json!({"retry": {"backoff": 0.01}})).run(plugin()).error();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "DEL", "DEL"]);
    assert_eq!(code, 11);
    assert!(msg.contains("could not be removed") && details.contains("stuck"), "{msg}; {details}");
}

#[test]
fn a_delegate_that_hangs_is_stopped_and_its_add_undone_within_the_deadline() {
    let dir = delegate(&Script::succeed().on("ADD", Behaviour::hang()));
    let (code, msg, _) = add(&dir, json!({"deadline": 6})).run(plugin()).error();
    assert_eq!(code, 11);
    assert!(msg.contains("\"d\" failed on ADD"), "{msg}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
    // The delegate has four of the six seconds, less the time until it starts.
    let time = time_of_delegate(&msg);
    assert!(time > 0.0 && time <= 4.0, "the delegate had {time} s: {msg}");
}

/// Returns the number of seconds in "did not end within ...".
fn time_of_delegate(msg: &str) -> f64 {
    let (_, rest) = msg.split_once("did not end within ").unwrap_or_else(|| panic!("{msg}"));
    let time = rest.split(' ').next().unwrap_or_default();
    let (number, unit) = match time.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (time.trim_end_matches('s'), 1.0),
    };
    number.parse::<f64>().unwrap_or_else(|error| panic!("{time}: {error}")) * unit
}

#[test]
fn a_delegate_that_hangs_once_is_retried_in_the_same_call() {
    let dir = delegate(&Script::succeed().at_first("ADD", [Behaviour::hang()]));
    let call = add(&dir, json!({"retry": {"backoff": 0.01}}))
        .key("wrapper", json!({"delegateTimeout": 5}));
    call.run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD"]);
}

#[test]
fn a_delegate_that_hangs_in_every_verb_and_ignores_term_does_not_outlast_the_deadline() {
    let dir = delegate(&Script::always(Behaviour::hang().ignoring_term()));
    for verb in ["ADD", "DEL", "STATUS"] {
        // Without the deadline the delegate would run for an hour, longer than the test waits.
        let call =
            add(&dir, json!({"deadline": 1})).key("wrapper", json!({"delegateTimeout": 3600}));
        let outcome = call.as_verb(verb).run(plugin());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "{outcome}");
        let advice = msg.contains("send DEL before the next ADD");
        assert_eq!(advice, verb == "ADD", "{msg}");
    }
    // A killed process needs a moment to end; a delegate that outlives its call hangs forever.
    wait_until("no delegate is running", || processes(&dir).is_empty());
}

#[test]
fn no_delay_exceeds_the_deadline() {
    let dir = delegate(&Script::succeed().on("ADD", Behaviour::error(11, "later")));
    // Both the delay and the deadline are longer than this test allows the call to take, so it
    // passes only if the call gives up at once.
    let guard = json!({"deadline": 3600, "retry": {"backoff": 8000, "maxBackoff": 8000}});
    let outcome = add(&dir, guard).limit(Duration::from_secs(60)).run(plugin());
    assert_eq!(outcome.error().1, "later", "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn the_del_after_an_add_whose_result_can_t_be_converted_is_guarded_as_a_del() {
    // A result without an address can't be converted to 0.2.0, so the successful ADD is undone.
    let result = json!({"cniVersion": "1.1.0", "interfaces": [{"name": "eth0"}]});
    let script = Script::succeed().on("ADD", Behaviour::result(result)).at_first("DEL", later(2));
    let dir = delegate(&script);
    let call = add(&dir, json!({"retry": {"backoff": 0.01}}))
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let outcome = call.key("delegate", json!({"type": "d", "cniVersion": "1.1.0"})).run(plugin());
    assert!(!outcome.status.success(), "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "DEL"]);
    assert!(outcome.stderr.contains("attempt 2 of DEL failed"), "{outcome}");
}
