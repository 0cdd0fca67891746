//! The example as a process: a tracer around a middleware, in one binary.

use std::path::PathBuf;

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

/// Returns the path of the example, which Cargo builds together with the tests.
fn traced() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let profile = test.ancestors().nth(2).expect("target/debug/deps/TEST");
    profile.join("examples/traced")
}

fn delegate() -> PluginDir {
    let result = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]});
    PluginDir::new().with("d", &Script::succeed().on("ADD", Behaviour::result(result)))
}

fn add(dir: &PluginDir) -> CallBuilder {
    let config = json!({
        "cniVersion": "1.1.0", "delegate": {"type": "d"}, "domain": "example.org", "apiToken": "x",
    });
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

fn recording(dir: &PluginDir) -> PathBuf {
    dir.path().join("calls.jsonl")
}

#[test]
fn a_line_has_the_result_for_the_runtime_and_that_of_the_delegate() {
    let dir = delegate();
    let call = add(&dir).key("recording", json!(recording(&dir)));
    let result = call.run(traced()).expect_success().json();
    call.as_verb("DEL").run(traced()).expect_success();
    let text = std::fs::read_to_string(recording(&dir)).expect("the recording");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let [added, deleted] = lines.as_slice() else { panic!("two calls: {text}") };
    assert_eq!(result["dns"]["domain"], "example.org");
    assert_eq!(added["result"], result);
    assert_eq!(added["delegates"][0]["type"], "d");
    assert_eq!(
        added["delegates"][0]["result"]["dns"],
        Value::Null,
        "the middleware changes the result after the delegate"
    );
    assert_eq!(added["config"]["apiToken"], "[redacted]");
    assert_eq!((&deleted["verb"], &deleted["error"]), (&json!("DEL"), &Value::Null));
}
