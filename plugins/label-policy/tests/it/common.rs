//! Helpers for all tests.

use std::path::PathBuf;

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

pub(crate) fn plugin() -> PathBuf {
    env!("CARGO_BIN_EXE_cni-label-policy").into()
}

/// Returns the first JSON block in the README.
pub(crate) fn readme_network() -> Value {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let (_, rest) = readme.split_once("```json\n").expect("a block of JSON");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    serde_json::from_str(block).expect("valid JSON")
}

/// Delegates `shop` and `vault`, whose results contain their names.
pub(crate) fn delegates() -> PluginDir {
    let delegate = |name: &str| {
        let result = json!({"cniVersion": "1.0.0", "ips": [], "made-by": name});
        Script::succeed().on("ADD", Behaviour::result(result))
    };
    PluginDir::new().with("shop", &delegate("shop")).with("vault", &delegate("vault"))
}

/// Returns a network: `vault` is for databases, `shop` for all others, and a container without a
/// label is denied.
pub(crate) fn network(dir: &PluginDir) -> Value {
    json!({
        "cniVersion": "1.1.0", "name": "net",
        "stateDir": dir.path().join("state"),
        "delegate": {"type": "shop"},
        "delegates": {"vault": {"type": "vault", "option": 1}},
        "rules": [
            {"name": "databases", "when": {"labels": {"tier": ["db", "db-*"]}}, "use": "vault"},
            {"when": {"labels": {"tier": false}}, "deny": "say your tier"},
        ],
        "default": {"allow": true},
    })
}

pub(crate) fn add(dir: &PluginDir, config: Value) -> CallBuilder {
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// Adds these labels to a call, as Mesos passes them.
pub(crate) fn labelled(call: CallBuilder, labels: &[(&str, &str)]) -> CallBuilder {
    let labels = labels.iter().map(|(key, value)| json!({"key": key, "value": value}));
    let labels: Vec<Value> = labels.collect();
    call.mesos(json!({ "labels": { "labels": labels } }))
}
