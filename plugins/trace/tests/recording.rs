//! The recording: what a line says, and what it must not say.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper_test::{Behaviour, CallBuilder, Script};
use common::{Scene, plugin};
use serde_json::{Value, json};

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
    let outcome = call.key("cniVersion", json!("0.2.0")).run(plugin()).expect_success();
    assert_eq!(scene.line()["result"], outcome.json());
    assert_eq!(scene.line()["result"]["ip4"]["ip"], "10.1.2.3/24");
}

#[test]
fn a_result_that_the_runtime_can_t_be_told_is_recorded_as_the_error_that_it_gets() {
    let scene = on_add(Behaviour::result(json!({"cniVersion": "1.0.0", "ips": []})));
    let call = scene.around(json!({"type": "inner", "cniVersion": "1.0.0"}));
    let outcome = call.key("cniVersion", json!("0.2.0")).run(plugin());
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

#[test]
fn a_line_that_a_full_disk_cut_off_spoils_no_other() {
    let scene = Scene::new(&Script::obey());
    fs::write(scene.file("trace.jsonl"), "{\"time\":\"20").unwrap();
    scene.call().run(plugin()).expect_success();
    scene.call().run(plugin()).expect_success();
    let text = fs::read_to_string(scene.file("trace.jsonl")).unwrap();
    let sound = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert_eq!((text.lines().count(), sound), (3, 2), "{text}");
}

#[test]
fn a_line_that_another_process_is_just_writing_is_not_taken_for_one_that_was_cut_off() {
    let scene = Scene::new(&Script::obey());
    let path = scene.file("trace.jsonl");
    let mut other = fs::File::create(&path).unwrap();
    other.lock().unwrap();
    other.write_all(b"{\"half\":").unwrap();
    let call = scene.call().start(plugin());
    let begun = Instant::now();
    let is_waiting = || scene.plugins.calls("inner").iter().any(|call| call.end_ns.is_some());
    while !is_waiting() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the delegate was never called");
        thread::sleep(Duration::from_millis(2));
    }
    // It has nothing to do but to wait for us, so time enough for a mistake.
    thread::sleep(Duration::from_millis(200));
    other.write_all(b"1}\n").unwrap();
    other.unlock().unwrap();
    call.finish().expect_success();
    let lines = scene.lines();
    assert_eq!((lines.len(), &lines[1]["verb"]), (2, &json!("ADD")));
}

#[test]
fn trouble_with_tracing_is_a_warning_and_the_answer_passes() {
    let text = "{\"cniVersion\":\"1.1.0\",  \"ips\":[]}\n";
    let scene = on_add(Behaviour::raw(text));
    for path in ["/no/such/directory/trace.jsonl", "/dev/full", "/proc/trace.jsonl", "/tmp"] {
        for key in ["traceFile", "spansFile", "metricsFile"] {
            let call = scene.call().key(key, json!(path));
            let outcome = call.run(plugin()).expect_success();
            assert_eq!(outcome.stdout, text, "{key} {path}");
            let warning = format!("warn: this ADD is not written to {path}: ");
            assert!(outcome.stderr.contains(&warning), "{key} {path}: {}", outcome.stderr);
            call.as_verb("DEL").run(plugin()).expect_success();
        }
    }
    let failing = on_add(Behaviour::error(11, "later"));
    let (code, msg, _) = failing.call().key("traceFile", json!("/dev/full")).run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "later"));
}

#[test]
fn a_wrong_key_is_refused_before_the_delegate_but_lets_a_container_go() {
    let scene = Scene::new(&Script::obey());
    let wrong: [(&str, Value, &str); 6] = [
        ("traceFile", json!("trace.jsonl"), "traceFile: \"trace.jsonl\" is no absolute path"),
        ("traceFile", json!(7), "traceFile: "),
        ("metricsFile", json!(scene.file("trace.jsonl")), "is traceFile already"),
        ("spansFile", json!(""), "spansFile: \"\" is no absolute path"),
        ("redact", json!("key"), "redact: "),
        ("redact", json!(["key", ""]), "redact[1]: it is empty"),
    ];
    for (key, value, expected) in wrong {
        let call: CallBuilder = scene.call().key(key, value);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 7, "{msg}");
        assert!(msg.contains(expected), "{expected:?} is not in {msg:?}");
        assert!(scene.plugins.verbs().is_empty(), "{key}: nothing is half done");
    }
    let call = scene.call().key("redact", json!(7)).without_netns();
    let outcome = call.as_verb("DEL").run(plugin()).expect_success();
    assert!(outcome.stderr.contains("this DEL is not traced: redact: "), "{}", outcome.stderr);
    assert_eq!(scene.plugins.verbs(), ["inner DEL"]);
    assert!(!scene.file("trace.jsonl").exists());
}
