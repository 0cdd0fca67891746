//! The command `explain`.

use std::process::Command;

use cni_test_kit::TempDir;
use serde_json::{Value, json};

use crate::common::{delegates, network, plugin, readme_network};

/// Writes the configuration to a file and runs `explain` with these arguments. Returns the exit
/// status and the output.
fn explain(config: &Value, args: &[&str]) -> (Option<i32>, String) {
    let dir = TempDir::new();
    let file = dir.path().join("net.conflist");
    std::fs::write(&file, config.to_string()).expect("written");
    let output = Command::new(plugin())
        .env_remove("CNI_COMMAND")
        .arg("explain")
        .arg(&file)
        .args(args)
        .output()
        .expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_decision_is_explained_rule_by_rule() {
    let network = network(&delegates());
    let (code, text) = explain(&network, &["--label", "tier=web"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(
        text,
        "rule \"databases\" does not apply: label tier is web\n\
         rules[1] does not apply: label tier is web\n\
         default applies: allowed\n"
    );
    let (code, text) = explain(&network, &["--label", "tier=db-main"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(0), "rule \"databases\" applies: allowed, with delegate \"vault\"\n")
    );
    let (code, text) = explain(&network, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.ends_with("rules[1] applies: denied: say your tier\n"), "{text}");
}

#[test]
fn messages_whose_reader_has_closed_the_pipe_are_no_reason_to_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(plugin());
    command.arg("explian").env_remove("CNI_COMMAND").stderr(writer);
    assert_eq!(command.output().expect("it starts").status.code(), Some(2));
}

#[test]
fn the_plugin_is_found_in_a_list_and_arguments_and_values_can_be_set() {
    let rules = json!([
        {"name": "system", "when": {"cniArgs": {"K8S_POD_NAMESPACE": "kube-*"}},
            "deny": "not for the system"},
        {"name": "fast", "when": {"values": {"/runtimeConfig/bandwidth/ingressRate": true}},
            "deny": "too fast"},
    ]);
    let ours = json!({"type": "cni-label-policy", "rules": rules, "default": {"allow": true}});
    let list = json!({"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge"}, ours]});
    let (code, text) =
        explain(&list, &["--cni-args", "IgnoreUnknown=1;K8S_POD_NAMESPACE=kube-system"]);
    assert!(code == Some(1) && text.contains("not for the system"), "{text}");
    let (code, text) = explain(&list, &["--set", "/runtimeConfig/bandwidth/ingressRate=1000"]);
    assert!(code == Some(1) && text.contains("too fast"), "{text}");
    assert_eq!(explain(&list, &[]).0, Some(0));
}

#[test]
fn mistakes_in_the_configuration_and_the_command_line_are_reported() {
    let dir = delegates();
    let (code, text) = explain(&json!({"rules": [{}], "default": {"allow": true}}), &[]);
    assert!(code == Some(2) && text.contains("rules[0]"), "{text}");
    let (code, text) = explain(&json!({"plugins": []}), &[]);
    assert!(code == Some(2) && text.contains("has no plugin of type"), "{text}");
    let (code, text) = explain(&network(&dir), &["--labels", "a=b"]);
    assert!(code == Some(2) && text.contains("--labels"), "{text}");
    let (code, text) = explain(&network(&dir), &["--label", "a"]);
    assert!(code == Some(2) && text.contains("has no '='"), "{text}");
}

#[test]
fn the_network_in_the_readme_does_what_the_readme_shows() {
    let network = readme_network();
    let explained = |args: &[&str]| explain(&network, args);
    assert_eq!(
        explained(&["--label", "tier=db"]).1,
        "rule \"databases\" applies: allowed, with delegate \"vault\"\n"
    );
    assert_eq!(explained(&["--label", "tier=web"]).0, Some(0));
    let (code, text) = explained(&[]);
    assert!(code == Some(1) && text.contains("label tier"), "{text}");
}
