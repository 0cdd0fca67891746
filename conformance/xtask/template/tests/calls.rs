//! Whole calls, around scripted delegates.

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

const PLUGIN: &str = env!("CARGO_BIN_EXE_new-plugin");

/// A delegate that gives one address.
fn delegate() -> PluginDir {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    PluginDir::new().with("inner", &Script::succeed().on("ADD", Behaviour::result(result)))
}

fn add(dir: &PluginDir) -> CallBuilder {
    let config = json!({
        "cniVersion": "1.1.0",
        "addressesDir": dir.path().join("addresses"),
        "delegate": {"type": "inner", "cniVersion": "1.0.0"},
    });
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// The stored files, a JSON document for each container.
fn stored(dir: &PluginDir) -> Vec<Value> {
    let files = std::fs::read_dir(dir.path().join("addresses")).into_iter().flatten().flatten();
    let texts = files.map(|file| std::fs::read(file.path()).expect("a file"));
    texts.map(|text| serde_json::from_slice(&text).expect("JSON")).collect()
}

#[test]
fn addresses_are_stored_from_add_to_del() {
    let dir = delegate();
    let result = add(&dir).run(PLUGIN).expect_success().json();
    assert_eq!(stored(&dir)[0]["value"], json!(["10.0.0.2"]));
    add(&dir).as_verb("CHECK").key("prevResult", result).run(PLUGIN).expect_success();
    add(&dir).as_verb("DEL").run(PLUGIN).expect_success();
    assert!(stored(&dir).is_empty());
    add(&dir).as_verb("DEL").run(PLUGIN).expect_success();
}

#[test]
fn check_fails_if_the_result_is_not_that_of_add() {
    let dir = delegate();
    add(&dir).run(PLUGIN).expect_success();
    let other = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.9/24"}]});
    let check = add(&dir).as_verb("CHECK").key("prevResult", other).run(PLUGIN);
    assert_eq!(check.error().0, 100);
}

#[test]
fn a_failed_add_leaves_nothing() {
    let dir = delegate();
    dir.script("inner", &Script::always(Behaviour::error(11, "try again")));
    assert_eq!(add(&dir).run(PLUGIN).error().0, 11, "the delegate's own code");
    assert!(stored(&dir).is_empty());
}

#[test]
fn gc_forgets_containers_that_no_longer_exist() {
    let dir = delegate();
    for id in ["gone", "valid"] {
        add(&dir).container_id(id).run(PLUGIN).expect_success();
    }
    let valid = json!([{"containerID": "valid", "ifname": "eth0"}]);
    add(&dir).as_verb("GC").key("cni.dev/valid-attachments", valid).run(PLUGIN).expect_success();
    assert_eq!(stored(&dir).len(), 1);
}

#[test]
fn a_wrong_configuration_is_refused_before_the_delegate_is_called() {
    let dir = delegate();
    let (code, msg, _) = add(&dir).key("addressesDir", json!("here")).run(PLUGIN).error();
    assert_eq!((code, msg.as_str()), (7, "addressesDir: here is not an absolute path"));
    assert!(dir.verbs().is_empty());
}
