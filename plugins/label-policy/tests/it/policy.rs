//! Whole calls of the plugin, around scripted delegates.

use cni_test_kit::{Behaviour, Script, assert_refused_ids};
use serde_json::{Value, json};

use crate::common::{add, delegates, labelled, network, plugin};

#[test]
fn the_first_rule_that_applies_selects_the_delegate_and_otherwise_the_default() {
    let dir = delegates();
    for (tier, delegate) in
        [("db", "vault"), ("db-main", "vault"), ("web", "shop"), ("dbx", "shop")]
    {
        let call = labelled(add(&dir, network(&dir)), &[("tier", tier)]);
        let result = call.run(plugin()).expect_success().json();
        assert_eq!(result["made-by"], delegate, "{tier}");
        call.as_verb("DEL").run(plugin()).expect_success();
    }
    let input = dir.calls("vault")[0].config.clone().expect("a configuration");
    assert_eq!(input["option"], 1, "the delegate gets its own keys");
    assert_eq!(input["name"], "net");
}

#[test]
fn a_denial_names_the_rule_and_no_delegate_is_called() {
    let dir = delegates();
    let call = labelled(add(&dir, network(&dir)), &[("other", "x")]).container_id("c1");
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 110);
    assert_eq!(msg, "rules[1] denies container c1: say your tier");
    assert_eq!(dir.verbs(), [] as [&str; 0]);
    assert!(!dir.path().join("state").exists(), "nothing is stored");
    call.as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["shop DEL", "vault DEL"], "an earlier ADD may have selected either");
}

#[test]
fn the_selection_of_add_applies_until_del_even_if_rules_and_labels_change() {
    let dir = delegates();
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
    let result = call.run(plugin()).expect_success().json();
    let mut changed = network(&dir);
    changed["rules"] = json!([]);
    changed["delegates"] = json!({"another": {"type": "shop"}});
    let call = labelled(add(&dir, changed), &[("tier", "web")]);
    call.clone().as_verb("CHECK").key("prevResult", result).run(plugin()).expect_success();
    call.clone().as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["vault ADD", "vault CHECK", "vault DEL"]);
    call.run(plugin()).expect_success();
    assert_eq!(
        dir.verbs().last().map(String::as_str),
        Some("shop ADD"),
        "the next ADD selects again"
    );
}

#[test]
fn the_selection_of_add_applies_even_if_only_one_delegate_is_left() {
    let dir = delegates();
    labelled(add(&dir, network(&dir)), &[("tier", "db")]).run(plugin()).expect_success();
    let mut changed = network(&dir);
    changed["delegates"] = json!({});
    add(&dir, changed).as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["vault ADD", "vault DEL"]);
    assert_eq!(selections(&dir), 0);
}

#[test]
fn gc_removes_stale_selections_even_if_only_one_delegate_is_left() {
    let dir = delegates();
    labelled(add(&dir, network(&dir)), &[("tier", "db")]).run(plugin()).expect_success();
    let mut changed = network(&dir);
    changed["delegates"] = json!({});
    let gc = add(&dir, changed).as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    gc.run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["vault ADD", "shop GC", "vault GC"]);
    assert_eq!(selections(&dir), 0);
}

#[test]
fn gc_goes_to_every_delegate_even_if_selections_can_not_be_read() {
    let dir = delegates();
    std::fs::write(dir.path().join("state"), "not a directory").expect("written");
    let gc = add(&dir, network(&dir)).as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    assert_eq!(gc.run(plugin()).error().0, 5);
    assert_eq!(dir.verbs(), ["shop GC", "vault GC"]);
}

#[test]
fn a_del_whose_selection_is_lost_goes_to_every_delegate() {
    for lose in ["rm -r state", "for file in state/*.json; do echo half >$file; done"] {
        let dir = delegates();
        let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
        call.run(plugin()).expect_success();
        let lost =
            std::process::Command::new("sh").arg("-c").arg(lose).current_dir(dir.path()).status();
        assert!(lost.expect("sh").success());
        call.as_verb("DEL").run(plugin()).expect_success();
        assert_eq!(dir.verbs(), ["vault ADD", "shop DEL", "vault DEL"], "after {lose}");
    }
}

#[test]
fn a_failed_del_keeps_the_selection_for_the_next_del() {
    let dir = delegates();
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
    call.run(plugin()).expect_success();
    dir.script("vault", &Script::always(Behaviour::error(11, "later")));
    assert_eq!(call.clone().as_verb("DEL").run(plugin()).error().0, 11);
    dir.script("vault", &Script::succeed());
    call.as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["vault ADD", "vault DEL", "vault DEL"]);
    assert_eq!(selections(&dir), 0, "a successful DEL removes it");
}

/// Returns the number of stored selections.
fn selections(dir: &cni_test_kit::PluginDir) -> usize {
    std::fs::read_dir(dir.path().join("state")).map_or(0, Iterator::count)
}

#[test]
fn a_failed_add_leaves_no_selection() {
    let dir = delegates();
    dir.script("vault", &Script::succeed().on("ADD", Behaviour::error(120, "no")));
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
    assert_eq!(call.run(plugin()).error().0, 120);
    assert_eq!(dir.verbs(), ["vault ADD", "vault DEL"]);
    assert_eq!(selections(&dir), 0);
}

#[test]
fn a_second_add_that_selects_another_delegate_deletes_the_attachment_of_the_first() {
    let dir = delegates();
    labelled(add(&dir, network(&dir)), &[("tier", "db")]).run(plugin()).expect_success();
    labelled(add(&dir, network(&dir)), &[("tier", "web")]).run(plugin()).expect_success();
    assert_eq!(dir.verbs(), ["vault ADD", "vault DEL", "shop ADD"]);
}

#[test]
fn gc_goes_to_every_delegate_and_removes_stale_selections() {
    let dir = delegates();
    for id in ["stale", "valid"] {
        let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
        call.container_id(id).run(plugin()).expect_success();
    }
    let valid = json!([{"containerID": "valid", "ifname": "eth0"}]);
    let gc = add(&dir, network(&dir)).as_verb("GC");
    gc.clone().run(plugin()).expect_success();
    assert_eq!(selections(&dir), 2, "without a list nothing is removed");
    gc.key("cni.dev/valid-attachments", valid).run(plugin()).expect_success();
    assert_eq!(selections(&dir), 1);
    assert!(
        dir.verbs().ends_with(&["shop GC".to_owned(), "vault GC".to_owned()]),
        "{:?}",
        dir.verbs()
    );
}

#[test]
fn status_goes_to_every_delegate() {
    let dir = delegates();
    let status = add(&dir, network(&dir)).as_verb("STATUS");
    status.run(plugin()).expect_success();
    dir.script("vault", &Script::always(Behaviour::error(50, "the vault is closed")));
    let (code, msg, _) = status.run(plugin()).error();
    assert_eq!((code, msg.as_str()), (50, "the vault is closed"));
    assert_eq!(dir.verbs(), ["shop STATUS", "vault STATUS"].repeat(2), "each is called");
}

/// Each condition with configuration keys and CNI_ARGS that meet it, and CNI_ARGS that do not. If
/// these are empty, the configuration keys are left out instead.
#[test]
fn conditions_match_labels_cni_args_and_any_value() {
    let dir = delegates();
    let conditions = [
        (
            json!({"cniArgs": {"K8S_POD_NAMESPACE": "kube-*"}}),
            json!({}),
            "K8S_POD_NAMESPACE=kube-system",
            "K8S_POD_NAMESPACE=default",
        ),
        (
            json!({"cniArgs": {"K8S_POD_NAMESPACE": true}}),
            json!({}),
            "K8S_POD_NAMESPACE=x",
            "OTHER=x",
        ),
        (
            json!({"labels": {"app": "a"}}),
            json!({"args": {"cni": {"labels": [{"key": "app", "value": "a"}]}}}),
            "A=b",
            "",
        ),
        (
            json!({"values": {"/runtimeConfig/bandwidth/ingressRate": "1000"}}),
            json!({"runtimeConfig": {"bandwidth": {"ingressRate": 1000}}}),
            "A=b",
            "",
        ),
        (
            json!({"values": {"/args/a~1b/list": "two"}}),
            json!({"args": {"a/b": {"list": ["one", "two"]}}}),
            "A=b",
            "",
        ),
        (
            json!({"labels": {"app": "a"}, "cniArgs": {"A": "b"}}),
            json!({"args": {"cni": {"labels": [{"key": "app", "value": "a"}]}}}),
            "A=b",
            "A=c",
        ),
    ];
    for (when, keys, met, unmet) in conditions {
        let outcome = |cni_args: &str, keys: &Value| {
            let mut config = network(&dir);
            config["rules"] = json!([{"when": when, "deny": "it applies"}]);
            let mut call = add(&dir, config);
            for (key, value) in keys.as_object().into_iter().flatten() {
                call = call.key(key, value.clone());
            }
            call.env("CNI_ARGS", cni_args).run(plugin())
        };
        assert_eq!(outcome(met, &keys).error().0, 110, "{when} applies to {met} and {keys}");
        let others = if unmet.is_empty() { json!({}) } else { keys };
        outcome(unmet, &others).expect_success();
    }
}

#[test]
fn mistakes_in_rules_fail_add_with_the_key_but_not_del() {
    let dir = delegates();
    let mistakes = [
        (json!({"when": {"labels": {"a": "b"}}}), "rules[0]", "exactly one is expected"),
        (
            json!({"when": {"labels": {"a": "b"}}, "allow": true, "deny": "no"}),
            "rules[0]",
            "exactly one",
        ),
        (json!({"when": {"labels": {"a": "b"}}, "allow": false}), "rules[0]", "exactly one"),
        (json!({"when": {}, "allow": true}), "rules[0]", "has no condition"),
        (json!({"allow": true}), "rules[0]", "has no condition"),
        (
            json!({"when": {"label": {"a": "b"}}, "allow": true}),
            "rules[0]",
            "unknown field `label`",
        ),
        (
            json!({"when": {"labels": {"a": 1}}, "allow": true}),
            "rules[0]",
            "true, false, a text or a list",
        ),
        (
            json!({"when": {"values": {"mac": "*"}}, "allow": true}),
            "rules[0]",
            "\"mac\" is not a JSON pointer",
        ),
        (
            json!({"when": {"labels": {"a": "b"}}, "use": "volt"}),
            "rules[0].use",
            "is not one of `delegates` (vault)",
        ),
        (
            json!({"when": {"labels": {"a": "b"}}, "allows": true}),
            "rules[0]",
            "unknown field `allows`",
        ),
    ];
    for (rule, key, why) in mistakes {
        let mut config = network(&dir);
        config["rules"] = json!([rule]);
        let call = labelled(add(&dir, config), &[("tier", "web")]);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 7, "{rule}: {msg}");
        assert!(msg.starts_with(key) && msg.contains(why), "{rule}: {msg}");
        call.as_verb("DEL").run(plugin()).expect_success();
    }
    let mut config = network(&dir);
    config.as_object_mut().expect("an object").remove("default");
    let (code, msg, _) = add(&dir, config).run(plugin()).error();
    assert!(code == 7 && msg.contains("default"), "a default is mandatory: {msg}");
    assert_eq!(dir.verbs(), ["shop DEL", "vault DEL"].repeat(10), "each DEL, and no ADD");
}

#[test]
fn in_a_list_it_allows_and_denies() {
    let dir = delegates();
    let prev = json!({"cniVersion": "1.0.0", "ips": [], "x": 1});
    let config = json!({
        "cniVersion": "1.0.0", "name": "net", "prevResult": prev,
        "rules": [{"when": {"labels": {"tier": "db"}}, "deny": "no databases here"}],
        "default": {"allow": true},
    });
    let call = |tier| labelled(add(&dir, config.clone()), &[("tier", tier)]);
    assert_eq!(call("web").run(plugin()).expect_success().json(), prev);
    assert_eq!(call("db").run(plugin()).error().0, 110);
    call("db").as_verb("DEL").run(plugin()).expect_success();
}

#[test]
fn a_mistyped_key_is_a_warning() {
    let dir = delegates();
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]).key("rule", json!([]));
    let outcome = call.run(plugin()).expect_success();
    assert!(outcome.stderr.contains("rule is not a known key; did you mean rules?"), "{outcome}");
}

#[test]
fn an_add_with_an_id_that_only_mesos_allows_is_refused_and_its_del_cleans_up() {
    let dir = delegates();
    let call = labelled(add(&dir, network(&dir)), &[("tier", "db")]);
    assert_refused_ids(&call, &plugin(), &dir);
}
