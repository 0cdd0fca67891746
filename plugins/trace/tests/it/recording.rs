//! The recording: what a line says, and what it must not say.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use cni_test_kit::{Behaviour, Script};
use serde_json::{Value, json};

use crate::common::{Scene, plugin};

fn on_add(behaviour: Behaviour) -> Scene {
    Scene::new(&Script::obey().on("ADD", behaviour))
}

#[test]
fn a_line_says_all_about_a_call() {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}], "odd": 1});
    let scene = on_add(Behaviour::result(result.clone()));
    let delegate = json!({"type": "inner", "cniVersion": "1.0.0", "mtu": 1400});
    let call = scene.around(delegate.clone()).env("CNI_ARGS", "A=1").env("HOME", "/root");
    let outcome = call.run(plugin()).expect_success();
    let line = scene.line();
    let expected = [
        ("verb", json!("ADD")),
        ("network", json!("net")),
        ("containerId", json!("c1")),
        ("ifname", json!("eth0")),
        ("netns", json!("/run/netns/c1")),
        ("position", json!("wrapper")),
        ("cniVersion", json!("1.1.0")),
        ("result", outcome.json()),
    ];
    for (key, value) in expected {
        assert_eq!(line[key], value, "{key}");
    }
    assert_eq!(line["config"]["delegate"], delegate);
    assert_eq!(line["environment"]["CNI_ARGS"], "A=1");
    assert_eq!(line["environment"].get("HOME"), None, "only the protocol's variables");
    assert!(line["pid"].as_u64().unwrap() > 1 && line.get("error").is_none());
    let time = line["time"].as_str().unwrap();
    assert!(time.len() == 27 && time.ends_with('Z') && &time[10..11] == "T", "{time}");
    let [run] = line["delegates"].as_array().unwrap().as_slice() else { panic!("{line}") };
    assert_eq!((&run["type"], &run["verb"]), (&json!("inner"), &json!("ADD")));
    assert_eq!(run["cniVersion"], "1.0.0");
    assert_eq!(run["result"], result, "as the delegate said it");
    assert_eq!(run["config"], scene.plugins.calls("inner")[0].config.clone().unwrap());
    let micros = |value: &Value| value["micros"].as_u64().unwrap();
    assert!(micros(run) > 0 && micros(run) <= micros(&line));
}

#[test]
fn a_result_goes_out_byte_for_byte_and_an_error_as_it_was() {
    let text =
        "{ \"ips\":[ ],  \"x\" : 1.10, \"cniVersion\":\"1.1.0\", \"a\":12345678901234567890123 }\n";
    let scene = on_add(Behaviour::raw(text));
    assert_eq!(scene.call().run(plugin()).expect_success().stdout, text);
    let recorded = scene.line()["result"].to_string();
    let parsed: Value = serde_json::from_str(text).unwrap();
    assert_eq!(recorded, parsed.to_string(), "every digit");

    let scene = on_add(Behaviour::error(11, "later"));
    let outcome = scene.call().run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!((code, msg.as_str()), (11, "later"));
    let line = scene.line();
    assert_eq!(line["error"], outcome.json(), "what the runtime got");
    assert_eq!(line.get("result"), None);
    let runs: Vec<_> = verbs(&line);
    assert_eq!(runs, ["inner ADD", "inner DEL"], "the rollback is seen, too");
    assert_eq!(line["delegates"][0]["error"]["code"], 11);
}

fn verbs(line: &Value) -> Vec<String> {
    let runs = line["delegates"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.map(|run| format!("{} {}", text(&run["type"]), text(&run["verb"]))).collect()
}

#[test]
fn the_result_is_recorded_in_the_version_in_which_the_runtime_gets_it() {
    let scene = on_add(Behaviour::result(
        json!({"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}),
    ));
    let call = scene.around(json!({"type": "inner", "cniVersion": "1.0.0"}));
    let outcome = call
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": scene.file("results")}))
        .run(plugin())
        .expect_success();
    assert_eq!(scene.line()["result"], outcome.json());
    assert_eq!(scene.line()["result"]["ip4"]["ip"], "10.1.2.3/24");
}

#[test]
fn a_result_that_the_runtime_can_t_be_told_is_recorded_as_the_error_that_it_gets() {
    let scene = on_add(Behaviour::result(json!({"cniVersion": "1.0.0", "ips": []})));
    let call = scene.around(json!({"type": "inner", "cniVersion": "1.0.0"}));
    let outcome = call
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": scene.file("results")}))
        .run(plugin());
    assert_eq!(outcome.error().0, 6);
    let [add, del] = scene.lines().try_into().expect("the ADD, and the DEL that undoes it");
    assert_eq!(add["error"], outcome.json());
    assert_eq!(add["delegates"][0]["result"]["ips"], json!([]), "the delegate did succeed");
    assert_eq!((&del["verb"], del.get("error")), (&json!("DEL"), None));
}

#[test]
fn every_verb_is_seen_around_a_delegate_and_in_a_chain() {
    let scene = Scene::new(&Script::obey());
    let result = json!({"cniVersion": "1.1.0", "ips": []});
    let chained = scene.call().key("delegate", json!(null)).key("prevResult", result);
    for call in [scene.call().key("prevResult", json!({"cniVersion": "1.1.0"})), chained] {
        for verb in ["ADD", "CHECK", "DEL", "GC", "STATUS"] {
            call.clone().as_verb(verb).run(plugin()).expect_success();
        }
    }
    let lines = scene.lines();
    let seen: Vec<String> = lines
        .iter()
        .map(|line| {
            format!(
                "{} {} {}",
                line["position"],
                line["verb"],
                line["delegates"].as_array().unwrap().len()
            )
            .replace('"', "")
        })
        .collect();
    let each = |position: &str, runs| {
        ["ADD", "CHECK", "DEL", "GC", "STATUS"].map(|verb| format!("{position} {verb} {runs}"))
    };
    assert_eq!(seen, [each("wrapper", 1), each("chained", 0)].concat());
    assert_eq!(lines[3]["containerId"], json!(null), "GC concerns a network");
    assert_eq!(lines[2].get("result"), None);
}

#[test]
fn secrets_are_hidden_wherever_they_stand_and_stay_in_what_the_delegate_gets() {
    let result = json!({"cniVersion": "1.1.0", "vpn": {"preSharedKey": "hush"}});
    let scene = on_add(Behaviour::result(result));
    let delegate = json!({"type": "inner", "ipam": {"Password": "hush"}});
    let labels = json!([{"key": "api-token", "value": "hush"}, {"key": "colour", "value": "blue"}]);
    let call = scene
        .around(delegate)
        .key("args", json!({"labels": labels}))
        .env("CNI_ARGS", "K8S_TOKEN=hush;A=1");
    let outcome = call.run(plugin()).expect_success();
    assert!(outcome.stdout.contains("hush"));
    let told = &scene.plugins.calls("inner")[0];
    assert!(told.stdin.as_ref().unwrap().contains("hush"));
    assert_eq!(told.environment["CNI_ARGS"], "K8S_TOKEN=hush;A=1");
    let line = scene.line();
    assert!(!line.to_string().contains("hush"), "{line}");
    assert_eq!(line["environment"]["CNI_ARGS"], "K8S_TOKEN=[redacted];A=1");
    assert_eq!(line["config"]["args"]["labels"][1]["value"], "blue");

    let own = call.key("redact", json!(["COLOUR"]));
    own.run(plugin()).expect_success();
    let line = scene.lines()[1].to_string();
    assert!(line.contains("hush") && !line.contains("blue"), "{line}");
}

#[test]
fn lines_of_many_processes_do_not_mix_and_only_the_owner_reads_them() {
    let scene = Scene::new(&Script::obey());
    let long = "x".repeat(500_000);
    thread::scope(|scope| {
        for number in 0..12 {
            let call = scene.call().container_id(&format!("c{number}")).key("long", json!(long));
            scope.spawn(move || call.run(plugin()).expect_success());
        }
    });
    let mut ids: Vec<_> =
        scene.lines().iter().map(|line| line["containerId"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    let mode = fs::metadata(scene.file("trace.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
