//! The plugin keeps the specification in every version, around a delegate with all that it has.

use cni_conformance::{Profile, check};
use serde_json::{Value, json};

fn guard(deadline: u32) -> Value {
    json!({ "guard": {
        "deadline": deadline,
        "retry": { "pause": 0.01 },
        "cap": { "name": "conformance", "atOnce": 2 },
        "breaker": { "failures": 100 },
    }})
}

#[test]
fn around_a_delegate_it_keeps_the_specification() {
    check(env!("CARGO_BIN_EXE_cni-guard"))
        .profile(Profile::Wrapper)
        .config(guard(60))
        .changed(guard(50))
        .failing(json!({ "guard": { "deadline": "soon" } }))
        .hasty(guard(1))
        .run();
}
