//! Whole calls, around delegates that do as they are told.

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script};
use serde_json::{Value, json};

const PLUGIN: &str = env!("CARGO_BIN_EXE_new-plugin");

/// A delegate that gives one address.
fn delegate() -> PluginDir {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    PluginDir::new().with("inner", &Script::obey().on("ADD", Behaviour::result(result)))
}

fn add(dir: &PluginDir) -> CallBuilder {
    let config = json!({
        "cniVersion": "1.1.0",
        "addressesDir": dir.path().join("addresses"),
        "delegate": {"type": "inner", "cniVersion": "1.0.0"},
    });
    CallBuilder::add("net").cni_path(dir.path()).config(config)
}

/// What is noted, a JSON document for each container.
fn noted(dir: &PluginDir) -> Vec<Value> {
    let files = std::fs::read_dir(dir.path().join("addresses")).into_iter().flatten().flatten();
    let texts = files.map(|file| std::fs::read(file.path()).expect("a file"));
    texts.map(|text| serde_json::from_slice(&text).expect("JSON")).collect()
}

#[test]
fn addresses_are_noted_from_add_to_del() {
    let dir = delegate();
    let result = add(&dir).run(PLUGIN).expect_success().json();
    assert_eq!(noted(&dir)[0]["note"], json!(["10.0.0.2"]));
    add(&dir).as_verb("CHECK").key("prevResult", result).run(PLUGIN).expect_success();
    add(&dir).as_verb("DEL").run(PLUGIN).expect_success();
    assert!(noted(&dir).is_empty());
    add(&dir).as_verb("DEL").run(PLUGIN).expect_success();
}

#[test]
fn check_says_what_is_not_as_add_said() {
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
    assert!(noted(&dir).is_empty());
}

#[test]
fn gc_forgets_who_is_gone() {
    let dir = delegate();
    for id in ["gone", "valid"] {
        add(&dir).container_id(id).run(PLUGIN).expect_success();
    }
    let valid = json!([{"containerID": "valid", "ifname": "eth0"}]);
    add(&dir).as_verb("GC").key("cni.dev/valid-attachments", valid).run(PLUGIN).expect_success();
    assert_eq!(noted(&dir).len(), 1);
}

#[test]
fn a_wrong_configuration_is_refused_before_the_delegate_is_called() {
    let dir = delegate();
    let (code, msg, _) = add(&dir).key("addressesDir", json!("here")).run(PLUGIN).error();
    assert_eq!((code, msg.as_str()), (7, "addressesDir: here is no absolute path"));
    assert!(dir.verbs().is_empty());
}
