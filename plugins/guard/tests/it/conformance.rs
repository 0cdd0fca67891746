//! The plugin conforms to the specification in every version, around a delegate.

use cni_conformance::{Check, Profile, check};
use serde_json::{Value, json};

/// Returns the options of `conformance/subjects/guard.json`.
fn options() -> Value {
    json!({
        "retry": { "backoff": 0.01 },
        "concurrencyLimit": { "name": "conformance", "maxConcurrent": 2 },
    })
}

fn guard(options: &Value) -> Check {
    let with = |deadline: u32| {
        let mut guard = options.clone();
        guard["deadline"] = deadline.into();
        json!({ "guard": guard })
    };
    check(env!("CARGO_BIN_EXE_cni-guard"))
        .each_format()
        .profile(Profile::Wrapper)
        .config(with(60))
        .changed(with(50))
        .failing(json!({ "guard": { "deadline": "soon" } }))
        .short_timeout(with(1))
}

#[test]
fn around_a_delegate_it_conforms_to_the_specification() {
    let reports = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/reports/this-repository");
    guard(&options()).verdicts_in(format!("{reports}/guard.json")).run();
}

#[test]
fn with_a_circuit_breaker_a_failed_add_leaves_only_the_state_of_the_breaker() {
    let mut options = options();
    options["circuitBreaker"] = json!({ "failureThreshold": 100 });
    guard(&options)
        .only(&["add.", "del.", "status.", "gc."])
        .known(
            "add.failure-then-del-leaves-nothing",
            "the breaker's state belongs to the network and not to the attachment",
        )
        .run();
}
