//! A delegate that does not exist or can't be run as it is configured: DEL and GC.

use cni_test_kit::{Behaviour, PluginDir, Script};
use serde_json::{Value, json};

use crate::common::{add, wrapper};

/// Delegates that no ADD can run, and a part of their messages.
fn broken() -> [(Value, &'static str); 7] {
    [
        (json!({"type": "none-such"}), "\"none-such\" is not in CNI_PATH"),
        (json!({"type": "/opt/cni/bin/bridge"}), "is not a file name"),
        (json!({"type": 3}), "delegate.type"),
        (json!({}), "delegate.type"),
        (json!("bridge"), "is not a plugin configuration"),
        (json!([]), "the list is empty"),
        (json!({"type": "first", "cniVersion": "9.9.9"}), "9.9.9"),
    ]
}

#[test]
fn a_container_whose_add_failed_for_its_delegate_s_type_can_be_removed() {
    for (delegate, part) in broken() {
        let dir = PluginDir::new().with("first", &Script::succeed());
        let call = add(&dir, delegate.clone());
        let (_, msg, _) = call.run(wrapper()).error();
        assert!(msg.contains(part), "{delegate}: {msg}");
        let outcome = call.as_verb("DEL").run(wrapper()).expect_success();
        let warning = &outcome.stderr;
        assert!(
            warning.contains(part) && warning.contains("no ADD can have succeeded"),
            "{warning}"
        );
        assert_eq!(dir.verbs(), [] as [&str; 0], "{delegate}");
    }
}

#[test]
fn a_container_whose_add_failed_for_the_settings_of_the_wrapper_can_be_removed() {
    for (settings, key) in [
        (json!({"delegateTimeout": "x"}), "wrapper.delegateTimeout"),
        (json!({"logLevl": "debug"}), "wrapper.logLevl"),
        (json!({"logLevel": "loud"}), "wrapper.logLevel"),
        (json!(1), "wrapper"),
    ] {
        let dir = PluginDir::new().with("first", &Script::succeed());
        let call = add(&dir, json!({"type": "first"})).key("wrapper", settings.clone());
        let (code, msg, _) = call.run(wrapper()).error();
        assert!(code == 7 && msg.contains(key), "{settings}: {msg}");
        call.as_verb("DEL").run(wrapper()).expect_success();
        assert_eq!(dir.verbs(), ["first DEL"], "{settings}");
    }
}

#[test]
fn a_container_whose_add_succeeded_is_not_removed_without_its_delegate() {
    for (delegate, part) in broken() {
        let dir = PluginDir::new();
        let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
        let call = add(&dir, delegate.clone()).key("prevResult", result).as_verb("DEL");
        let (code, msg, _) = call.run(wrapper()).error();
        assert!(matches!(code, 1 | 7) && msg.contains(part), "{delegate}: {code}: {msg}");
        assert!(msg.contains("restore it, then call DEL again"), "{delegate}: {msg}");
    }
}

#[test]
fn a_del_of_a_list_skips_the_delegate_that_does_not_exist_and_calls_the_others() {
    let delegates = json!([{"type": "first"}, {"type": "none-such"}, {"type": "third"}]);
    let dir = PluginDir::new().with("first", &Script::succeed()).with("third", &Script::succeed());
    let call = add(&dir, delegates);
    call.run(wrapper()).error();
    let outcome = call.as_verb("DEL").run(wrapper()).expect_success();
    assert!(outcome.stderr.contains("none-such"), "{}", outcome.stderr);
    assert_eq!(dir.verbs(), ["first ADD", "first DEL", "third DEL", "first DEL"]);
}

#[test]
fn a_kept_result_is_a_record_of_the_attachment() {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]});
    let script = Script::succeed().on("ADD", Behaviour::result(result));
    let dir = PluginDir::new().with("first", &script);
    let call = add(&dir, json!({"type": "first", "cniVersion": "1.0.0"}))
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    call.run(wrapper()).expect_success();
    let del = call.as_verb("DEL");
    std::fs::rename(dir.path().join("first"), dir.path().join("moved")).expect("uninstalled");
    for _ in 0..2 {
        let (code, msg, _) = del.run(wrapper()).error();
        assert!(code == 7 && msg.contains("has a record"), "{code}: {msg}");
    }
    std::fs::rename(dir.path().join("moved"), dir.path().join("first")).expect("installed");
    del.run(wrapper()).expect_success();
    assert_eq!(dir.verbs(), ["first ADD", "first DEL"]);
}

#[test]
fn a_gc_reports_the_delegate_that_does_not_exist_and_calls_the_others() {
    let dir = PluginDir::new().with("first", &Script::succeed()).with("third", &Script::succeed());
    let call = add(&dir, json!([{"type": "first"}, {"type": "none-such"}, {"type": "third"}]))
        .key("cniVersion", json!("1.1.0"))
        .key("cni.dev/valid-attachments", json!([]));
    let (code, msg, _) = call.as_verb("GC").run(wrapper()).error();
    assert!(code == 7 && msg.contains("none-such"), "{code}: {msg}");
    assert_eq!(dir.verbs(), ["first GC", "third GC"]);
}

#[test]
fn a_delegate_that_refuses_a_container_id_is_skipped_on_del_only_if_no_add_can_have_succeeded() {
    let refuses = Behaviour::error(4, "invalid characters in containerID");
    let dir = PluginDir::new()
        .with("first", &Script::succeed())
        .with("last", &Script::succeed().on("DEL", refuses));
    let call = add(&dir, json!([{"type": "first"}, {"type": "last"}])).as_verb("DEL");
    let outcome = call.clone().container_id("parent:child").run(wrapper()).expect_success();
    assert!(outcome.stderr.contains("DEL of delegate last is skipped"), "{outcome}");
    assert_eq!(dir.verbs(), ["last DEL", "first DEL"], "the others are called");
    assert_eq!(call.run(wrapper()).error().0, 4, "a valid id may have been attached");
}
