//! Retries and the deadline, around scripted delegates.

use std::time::Duration;

use cni_test_kit::{Behaviour, Script};
use serde_json::json;

use crate::common::{add, delegate, plugin, processes, verbs, wait_until};

fn later(times: usize) -> Vec<Behaviour> {
    vec![Behaviour::error(11, "later"); times]
}

#[test]
fn an_add_that_may_succeed_later_is_made_again_after_it_was_undone() {
    let dir = delegate(&Script::obey().at_first("ADD", later(2)));
    let outcome = add(&dir, json!({"retry": {"pause": 0.01}})).run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD", "DEL", "ADD"]);
    assert!(outcome.stderr.contains("ADD failed 2 times and is tried again in"), "{outcome}");
}

#[test]
fn after_the_last_try_the_delegate_s_own_error_is_the_answer() {
    let dir = delegate(&Script::obey().on("ADD", Behaviour::error(11, "later")));
    let call = add(&dir, json!({"retry": {"pause": 0.01, "tries": 3}}));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "later"));
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD", "DEL", "ADD", "DEL"]);
}

#[test]
fn only_codes_of_the_list_are_tried_again() {
    for (codes, code, tries) in [(json!([11]), 120, 1), (json!([120]), 120, 4), (json!([]), 11, 1)]
    {
        let dir = delegate(&Script::obey().on("ADD", Behaviour::error(code, "no")));
        let call = add(&dir, json!({"retry": {"pause": 0.01, "codes": codes}}));
        assert_eq!(call.run(plugin()).error().0, u64::from(code));
        let adds = verbs(&dir).iter().filter(|verb| *verb == "ADD").count();
        assert_eq!(adds, tries, "code {code} with {codes}");
    }
}

#[test]
fn del_check_and_gc_are_made_again_and_status_is_not() {
    for (verb, tries) in [("DEL", 3), ("CHECK", 3), ("GC", 3), ("STATUS", 1)] {
        let dir = delegate(&Script::obey().at_first(verb, later(2)));
        let call = add(&dir, json!({"retry": {"pause": 0.01}})).as_verb(verb);
        let call = call.key("prevResult", json!({"cniVersion": "1.1.0", "ips": []}));
        let outcome = call.key("cni.dev/valid-attachments", json!([])).run(plugin());
        assert_eq!(outcome.status.success(), tries == 3, "{verb}: {outcome}");
        assert_eq!(verbs(&dir), vec![verb; tries], "{verb}");
    }
}

#[test]
fn what_could_not_be_undone_is_removed_before_the_next_try() {
    let dir = delegate(&Script::obey().at_first("ADD", later(1)).at_first("DEL", later(1)));
    add(&dir, json!({"retry": {"pause": 0.01}})).run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "ADD"]);
}

#[test]
fn while_something_is_left_add_is_not_made_again() {
    let script = Script::obey().at_first("ADD", later(1)).on("DEL", Behaviour::error(11, "stuck"));
    let dir = delegate(&script);
    let (code, msg, details) = add(&dir, json!({"retry": {"pause": 0.01}})).run(plugin()).error();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "DEL", "DEL"]);
    assert_eq!(code, 11);
    assert!(msg.contains("could not be removed") && details.contains("stuck"), "{msg}; {details}");
}

#[test]
fn a_delegate_that_hangs_is_stopped_and_undone_within_the_deadline() {
    let dir = delegate(&Script::obey().on("ADD", Behaviour::hang()));
    let (code, msg, _) = add(&dir, json!({"deadline": 6})).run(plugin()).error();
    assert_eq!(code, 11);
    assert!(msg.contains("\"d\" failed on ADD"), "{msg}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
    // Four of the six seconds are for the delegate, less the time until it starts.
    let granted = granted(&msg);
    assert!(granted > 0.0 && granted <= 4.0, "{granted} s were given: {msg}");
}

/// The number of seconds in "did not end within ...".
fn granted(msg: &str) -> f64 {
    let (_, rest) = msg.split_once("did not end within ").unwrap_or_else(|| panic!("{msg}"));
    let time = rest.split(' ').next().unwrap_or_default();
    let (number, unit) = match time.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (time.trim_end_matches('s'), 1.0),
    };
    number.parse::<f64>().unwrap_or_else(|error| panic!("{time}: {error}")) * unit
}

#[test]
fn a_delegate_that_hangs_once_gets_another_try_in_the_same_call() {
    let dir = delegate(&Script::obey().at_first("ADD", [Behaviour::hang()]));
    let call =
        add(&dir, json!({"retry": {"pause": 0.01}})).key("wrapper", json!({"delegateTimeout": 5}));
    call.run(plugin()).expect_success();
    assert_eq!(verbs(&dir), ["ADD", "DEL", "ADD"]);
}

#[test]
fn a_delegate_that_hangs_in_every_verb_and_ignores_term_does_not_outlast_the_deadline() {
    let dir = delegate(&Script::always(Behaviour::hang().ignoring_term()));
    for verb in ["ADD", "DEL", "STATUS"] {
        // Without the deadline the delegate would have an hour, longer than the limit of the call.
        let call =
            add(&dir, json!({"deadline": 1})).key("wrapper", json!({"delegateTimeout": 3600}));
        let outcome = call.as_verb(verb).run(plugin());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "{outcome}");
        let promise = msg.contains("send DEL before the next ADD");
        assert_eq!(promise, verb == "ADD", "{msg}");
    }
    // A killed process needs a moment to end; a delegate that outlives its call hangs forever.
    wait_until("no delegate is left", || processes(&dir).is_empty());
}

#[test]
fn no_pause_goes_beyond_the_deadline() {
    let dir = delegate(&Script::obey().on("ADD", Behaviour::error(11, "later")));
    // Neither a pause nor the deadline ends within this test's limit for the call: it passes only
    // if the call gives up at once.
    let guard = json!({"deadline": 3600, "retry": {"pause": 8000, "longestPause": 8000}});
    let outcome = add(&dir, guard).limit(Duration::from_secs(60)).run(plugin());
    assert_eq!(outcome.error().1, "later", "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn the_del_of_an_add_whose_result_nobody_understands_is_guarded_as_a_del() {
    // A result without an address has no form in 0.2.0, so the ADD that succeeded is undone.
    let result = json!({"cniVersion": "1.1.0", "interfaces": [{"name": "eth0"}]});
    let script = Script::obey().on("ADD", Behaviour::result(result)).at_first("DEL", later(2));
    let dir = delegate(&script);
    let call = add(&dir, json!({"retry": {"pause": 0.01}}))
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let outcome = call.key("delegate", json!({"type": "d", "cniVersion": "1.1.0"})).run(plugin());
    assert!(!outcome.status.success(), "{outcome}");
    assert_eq!(verbs(&dir), ["ADD", "DEL", "DEL", "DEL"]);
    assert!(outcome.stderr.contains("DEL failed 2 times"), "{outcome}");
}
