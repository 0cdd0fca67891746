//! What the tests share.

use std::path::PathBuf;

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

pub(crate) fn plugin() -> PathBuf {
    env!("CARGO_BIN_EXE_cni-label-policy").into()
}

/// The first JSON block of the README: the network that it begins with.
pub(crate) fn readme_network() -> Value {
    let readme = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let (_, rest) = readme.split_once("```json\n").expect("a block of JSON");
    let (block, _) = rest.split_once("```").expect("its end");
    serde_json::from_str(block).expect("valid JSON")
}

/// Delegates `shop` and `vault`, which say who they are in their results.
pub(crate) fn delegates() -> PluginDir {
    let says = |name: &str| {
        let result = json!({"cniVersion": "1.0.0", "ips": [], "made-by": name});
        Script::obey().on("ADD", Behaviour::result(result))
    };
    PluginDir::new().with("shop", &says("shop")).with("vault", &says("vault"))
}

/// A network: databases are in the vault, strangers nowhere, all others in the shop.
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

/// The same with these labels, as Mesos gives them.
pub(crate) fn labelled(call: CallBuilder, labels: &[(&str, &str)]) -> CallBuilder {
    let labels = labels.iter().map(|(key, value)| json!({"key": key, "value": value}));
    let labels: Vec<Value> = labels.collect();
    call.mesos(json!({ "labels": { "labels": labels } }))
}
