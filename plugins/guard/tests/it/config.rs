//! Mistakes in the configuration.

use cni_test_kit::{CallBuilder, Script, assert_refused_ids};
use serde_json::{Value, json};

use crate::common::{add, delegate, plugin, verbs};

#[test]
fn mistakes_are_reported_with_their_key_and_do_not_keep_del_from_the_delegate() {
    let dir = delegate(&Script::succeed());
    let mistakes: [(Value, &str, &str); 9] = [
        (json!({"deadline": 0}), "guard.deadline", "over 0 and at most 86400"),
        (json!({"deadline": "30s"}), "guard.deadline", "invalid type"),
        (json!({"dedline": 1}), "guard", "expected one of `deadline`"),
        (json!({"retry": {"maxAttempts": 0}}), "guard.retry.maxAttempts", "nonzero"),
        (json!({"retry": {"codes": [-1]}}), "guard.retry.codes[0]", "invalid number"),
        (
            json!({"concurrencyLimit": {"maxConcurrent": 1}}),
            "guard.concurrencyLimit",
            "missing field `name`",
        ),
        (
            json!({"concurrencyLimit": {"name": "a/b", "maxConcurrent": 1}}),
            "guard.concurrencyLimit.name",
            "is not a valid name",
        ),
        (
            json!({"concurrencyLimit": {"name": "a", "maxConcurrent": 0}}),
            "guard.concurrencyLimit.maxConcurrent",
            "nonzero",
        ),
        (
            json!({"circuitBreaker": {"openFor": 10, "maxOpenFor": 5}}),
            "guard.circuitBreaker.maxOpenFor",
            "less than openFor",
        ),
    ];
    for (guard, key, why) in mistakes {
        for verb in ["ADD", "STATUS"] {
            let (code, msg, _) = add(&dir, guard.clone()).as_verb(verb).run(plugin()).error();
            assert_eq!(code, 7, "{guard}: {msg}");
            assert!(msg.starts_with(key) && msg.contains(why), "{guard}: {msg}");
        }
        for verb in ["DEL", "GC"] {
            add(&dir, guard.clone()).as_verb(verb).run(plugin()).expect_success();
        }
    }
    assert_eq!(verbs(&dir), ["DEL", "GC"].repeat(9));
}

/// Each old key in a configuration that is otherwise valid, with its new name.
#[test]
fn the_old_name_of_a_key_is_refused_with_the_new_one() {
    let limit = |key: &str| json!({"name": "a", "maxConcurrent": 1, key: 1});
    let renamed: [(Value, &str, &str); 13] = [
        (json!({"retry": {"tries": 1}}), "retry.tries", "retry.maxAttempts"),
        (json!({"retry": {"pause": 1}}), "retry.pause", "retry.backoff"),
        (json!({"retry": {"longestPause": 1}}), "retry.longestPause", "retry.maxBackoff"),
        (json!({"cap": {}}), "cap", "concurrencyLimit"),
        (json!({"cap": {"atOnce": 1}}), "cap.atOnce", "concurrencyLimit.maxConcurrent"),
        (
            json!({"concurrencyLimit": limit("atOnce")}),
            "concurrencyLimit.atOnce",
            "concurrencyLimit.maxConcurrent",
        ),
        (json!({"breaker": {}}), "breaker", "circuitBreaker"),
        (
            json!({"breaker": {"failures": 1}}),
            "breaker.failures",
            "circuitBreaker.failureThreshold",
        ),
        (json!({"breaker": {"open": 1}}), "breaker.open", "circuitBreaker.openFor"),
        (
            json!({"breaker": {"longestOpen": 1}}),
            "breaker.longestOpen",
            "circuitBreaker.maxOpenFor",
        ),
        (
            json!({"circuitBreaker": {"failures": 1}}),
            "circuitBreaker.failures",
            "circuitBreaker.failureThreshold",
        ),
        (json!({"circuitBreaker": {"open": 1}}), "circuitBreaker.open", "circuitBreaker.openFor"),
        (
            json!({"circuitBreaker": {"longestOpen": 1}}),
            "circuitBreaker.longestOpen",
            "circuitBreaker.maxOpenFor",
        ),
    ];
    let dir = delegate(&Script::succeed());
    for (guard, old, new) in renamed {
        let call = add(&dir, guard);
        for verb in ["ADD", "CHECK", "STATUS"] {
            let (code, msg, _) = call.clone().as_verb(verb).run(plugin()).error();
            assert_eq!(code, 7, "{old}: {msg}");
            let expected = format!("guard.{old}: this key was renamed to guard.{new}");
            assert!(msg.split("; ").any(|part| part == expected), "{expected} is not in {msg}");
        }
        for verb in ["DEL", "GC"] {
            let outcome = call.clone().as_verb(verb).run(plugin()).expect_success();
            assert!(outcome.stderr.contains(&format!("guard.{old}: ")), "{outcome}");
        }
    }
    assert_eq!(verbs(&dir), ["DEL", "GC"].repeat(13));
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

#[test]
fn a_mistyped_key_is_a_warning() {
    let dir = delegate(&Script::succeed());
    let outcome = add(&dir, json!({})).key("guards", json!({})).run(plugin()).expect_success();
    assert!(outcome.stderr.contains("guards is not a known key; did you mean guard?"), "{outcome}");
}

#[test]
fn an_add_with_an_id_that_only_mesos_allows_is_refused_and_its_del_cleans_up() {
    let dir = delegate(&Script::succeed());
    let settings = json!({
        "circuitBreaker": {"failureThreshold": 1},
        "concurrencyLimit": {"name": "ipam", "maxConcurrent": 1},
    });
    assert_refused_ids(&add(&dir, settings), &plugin(), &dir);
}
