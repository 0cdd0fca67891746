//! The recording: what a line contains, and what it must not contain.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::thread;

use cni_test_kit::{Behaviour, Script};
use serde_json::{Value, json};

use crate::common::{Fixture, plugin, read_lines};

fn on_add(behaviour: Behaviour) -> Fixture {
    Fixture::new(&Script::succeed().on("ADD", behaviour))
}

#[test]
fn a_line_describes_a_call_completely() {
    let result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}], "odd": 1});
    let fixture = on_add(Behaviour::result(result.clone()));
    let delegate = json!({"type": "inner", "cniVersion": "1.0.0", "mtu": 1400});
    let call = fixture.around(delegate.clone()).env("CNI_ARGS", "A=1").env("HOME", "/root");
    let outcome = call.run(plugin()).expect_success();
    let line = fixture.line();
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
    assert_eq!(run["result"], result, "the delegate's own result");
    assert_eq!(run["config"], fixture.plugins.calls("inner")[0].config.clone().unwrap());
    let micros = |value: &Value| value["micros"].as_u64().unwrap();
    assert!(micros(run) > 0 && micros(run) <= micros(&line));
}

#[test]
fn a_result_is_returned_byte_for_byte_and_an_error_unchanged() {
    let text =
        "{ \"ips\":[ ],  \"x\" : 1.10, \"cniVersion\":\"1.1.0\", \"a\":12345678901234567890123 }\n";
    let fixture = on_add(Behaviour::raw(text));
    assert_eq!(fixture.call().run(plugin()).expect_success().stdout, text);
    let recorded = fixture.line()["result"].to_string();
    let parsed: Value = serde_json::from_str(text).unwrap();
    assert_eq!(recorded, parsed.to_string(), "every digit");

    let fixture = on_add(Behaviour::error(11, "later"));
    let outcome = fixture.call().run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!((code, msg.as_str()), (11, "later"));
    let line = fixture.line();
    assert_eq!(line["error"], outcome.json(), "the error that the runtime got");
    assert_eq!(line.get("result"), None);
    let runs: Vec<_> = verbs(&line);
    assert_eq!(runs, ["inner ADD", "inner DEL"], "the rollback is recorded");
    assert_eq!(line["delegates"][0]["error"]["code"], 11);
}

fn verbs(line: &Value) -> Vec<String> {
    let runs = line["delegates"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.map(|run| format!("{} {}", text(&run["type"]), text(&run["verb"]))).collect()
}

#[test]
fn the_result_is_recorded_in_the_version_that_the_runtime_gets() {
    let fixture = on_add(Behaviour::result(
        json!({"cniVersion": "1.0.0", "ips": [{"address": "10.1.2.3/24"}]}),
    ));
    let call = fixture.around(json!({"type": "inner", "cniVersion": "1.0.0"}));
    let outcome = call
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": fixture.file("results")}))
        .run(plugin())
        .expect_success();
    assert_eq!(fixture.line()["result"], outcome.json());
    assert_eq!(fixture.line()["result"]["ip4"]["ip"], "10.1.2.3/24");
}

#[test]
fn a_result_that_can_t_be_converted_is_recorded_as_the_error_that_the_runtime_gets() {
    let fixture = on_add(Behaviour::result(json!({"cniVersion": "1.0.0", "ips": []})));
    let call = fixture.around(json!({"type": "inner", "cniVersion": "1.0.0"}));
    let outcome = call
        .key("cniVersion", json!("0.2.0"))
        .key("wrapper", json!({"resultDir": fixture.file("results")}))
        .run(plugin());
    assert_eq!(outcome.error().0, 6);
    let [add, del] = fixture.lines().try_into().expect("the ADD, and the DEL that undoes it");
    assert_eq!(add["error"], outcome.json());
    assert_eq!(add["delegates"][0]["result"]["ips"], json!([]), "the delegate did succeed");
    assert_eq!((&del["verb"], del.get("error")), (&json!("DEL"), None));
}

#[test]
fn every_verb_is_recorded_around_a_delegate_and_in_a_chain() {
    let fixture = Fixture::new(&Script::succeed());
    let result = json!({"cniVersion": "1.1.0", "ips": []});
    let chained = fixture.call().key("delegate", json!(null)).key("prevResult", result);
    for call in [fixture.call().key("prevResult", json!({"cniVersion": "1.1.0"})), chained] {
        for verb in ["ADD", "CHECK", "DEL", "GC", "STATUS"] {
            call.clone().as_verb(verb).run(plugin()).expect_success();
        }
    }
    let lines = fixture.lines();
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
    assert_eq!(lines[3]["containerId"], json!(null), "GC has no container");
    assert_eq!(lines[2].get("result"), None);
}

#[test]
fn secrets_are_redacted_everywhere_but_still_passed_to_the_delegate() {
    let result = json!({"cniVersion": "1.1.0", "vpn": {"preSharedKey": "hush"}});
    let fixture = on_add(Behaviour::result(result));
    let delegate = json!({"type": "inner", "ipam": {"Password": "hush"}});
    let labels = json!([{"key": "api-token", "value": "hush"}, {"key": "colour", "value": "blue"}]);
    let call = fixture
        .around(delegate)
        .key("args", json!({"labels": labels}))
        .env("CNI_ARGS", "K8S_TOKEN=hush;A=1");
    let outcome = call.run(plugin()).expect_success();
    assert!(outcome.stdout.contains("hush"));
    let input = &fixture.plugins.calls("inner")[0];
    assert!(input.stdin.as_ref().unwrap().contains("hush"));
    assert_eq!(input.environment["CNI_ARGS"], "K8S_TOKEN=hush;A=1");
    let line = fixture.line();
    assert!(!line.to_string().contains("hush"), "{line}");
    assert_eq!(line["environment"]["CNI_ARGS"], "K8S_TOKEN=[redacted];A=1");
    assert_eq!(line["config"]["args"]["labels"][1]["value"], "blue");

    let own = call.key("redact", json!(["COLOUR"]));
    own.run(plugin()).expect_success();
    let line = fixture.lines()[1].to_string();
    assert!(line.contains("hush") && !line.contains("blue"), "{line}");
}

#[test]
fn a_secret_is_redacted_by_the_words_of_its_name_wherever_it_is_recorded() {
    let result = json!({"cniVersion": "1.1.0", "vpn": [{"wifiPsk": "hush", "authorization": "hush",
        "cookies": ["hush"], "tls": {"caCert": "hush"}, "dbPwd": 4711}]});
    let fixture = on_add(Behaviour::result(result));
    let delegate = json!({"type": "inner", "session": {"id": "hush"}, "auth": "hush"});
    let call = fixture.around(delegate).env("CNI_ARGS", "AUTH=hu sh;A=http://me:hush@host/");
    let names = ["CNI_TOKEN", "CNI_SECRET", "CNI_DB_PWD", "CNI_AUTH", "CNI_COOKIE", "CNI_API_KEY"];
    let call = names.iter().fold(call, |call, name| call.env(name, "hush"));
    call.env("CNI_HEADER", "Bearer hush").run(plugin()).expect_success();
    let line = fixture.line();
    assert!(!line.to_string().contains("hush"), "{line}");
    assert_eq!(line["delegates"][0]["result"]["vpn"][0]["dbPwd"], "[redacted]");
    for name in names {
        assert_eq!(line["environment"][name], "[redacted]", "{name}");
    }
    assert_eq!(line["environment"]["CNI_HEADER"], "Bearer [redacted]");
    let args = "AUTH=[redacted];A=http://[redacted]@host/";
    assert_eq!(line["environment"]["CNI_ARGS"], args);
}

#[test]
fn names_that_only_resemble_those_of_secrets_are_recorded() {
    let fixture = Fixture::new(&Script::succeed());
    let twins = json!({"author": "me", "keyboard": "us", "certain": true, "macAddress": "02::1",
        "monkey": 1, "concert": {"authority": ["x"]}});
    let call = fixture.call().key("twins", twins.clone()).env("CNI_AUTHOR", "me");
    call.env("CNI_ARGS", "KEYBOARD=us;AUTHOR=me").run(plugin()).expect_success();
    let line = fixture.line();
    assert_eq!(line["config"]["twins"], twins);
    assert_eq!(line["environment"]["CNI_AUTHOR"], "me");
    assert_eq!(line["environment"]["CNI_ARGS"], "KEYBOARD=us;AUTHOR=me");
}

#[test]
fn a_value_that_looks_like_a_secret_is_redacted_under_any_name_and_in_spans_too() {
    let pem = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n";
    let msg = format!("GET https://me:hush@host/?token=hush: Bearer hush: {pem}");
    let fixture = on_add(Behaviour::error(11, &msg));
    let call = fixture.call().key("a", json!({"b": [pem, "Bearer hush"]})).key("redact", json!([]));
    let call = call.key("spansFile", json!(fixture.file("spans.jsonl")));
    let msg = call.run(plugin()).error().1;
    assert!(msg.contains("me:hush@host"), "the runtime gets the error unchanged: {msg}");
    let line = fixture.line().to_string();
    // Without names to redact, only what is recognized by its form.
    assert_eq!(line.matches("hush").count(), line.matches("?token=hush").count(), "{line}");
    assert_eq!(fixture.line()["config"]["a"]["b"], json!(["[redacted]\n", "Bearer [redacted]"]));
    let spans = fs::read_to_string(fixture.file("spans.jsonl")).unwrap();
    assert_eq!(spans.matches("hush").count(), spans.matches("?token=hush").count(), "{spans}");
}

#[test]
fn the_stderr_of_a_delegate_is_recorded_without_secrets() {
    let answer = json!({"cniVersion": "1.1.0", "ips": []});
    let behaviour = Behaviour::result(answer).with_stderr("warn: token=hush is old\n");
    let fixture = on_add(behaviour);
    fixture.call().run(plugin()).expect_success();
    fixture.call().as_verb("DEL").run(plugin()).expect_success();
    let [add, del] = fixture.lines().try_into().unwrap();
    assert_eq!(add["delegates"][0]["stderr"], "warn: token=[redacted] is old\n");
    assert_eq!(del["delegates"][0].get("stderr"), None);
    let began = |value: &Value| value["time"].as_str().unwrap().to_owned();
    assert!(began(&add) <= began(&add["delegates"][0]), "both have the time when they began");
    assert_eq!(add["format"], 1);
}

#[test]
fn an_existing_file_that_others_may_read_becomes_private_or_is_refused() {
    let fixture = Fixture::new(&Script::succeed());
    let mode = |name: &str| fs::metadata(fixture.file(name)).unwrap().permissions().mode() & 0o777;
    let create = |name: &str| {
        fs::write(fixture.file(name), "").unwrap();
        fs::set_permissions(fixture.file(name), fs::Permissions::from_mode(0o666)).unwrap();
    };
    let call = |name: &str, key: &str| {
        let call = fixture.call().key(key, json!(fixture.file(name)));
        call.run(plugin()).expect_success().stderr
    };
    for (name, key) in [("own.jsonl", "recordingFile"), ("spans.jsonl", "spansFile")] {
        create(name);
        assert_eq!(call(name, key), "");
        assert_eq!((mode(name), read_lines(&fixture.file(name)).len()), (0o600, 1));
    }
    for name in ["linked.jsonl", "named.jsonl", "foreign.jsonl"] {
        create(name);
    }
    symlink(fixture.file("linked.jsonl"), fixture.file("link.jsonl")).unwrap();
    fs::hard_link(fixture.file("named.jsonl"), fixture.file("twice.jsonl")).unwrap();
    chown(fixture.file("foreign.jsonl"), Some(65534), None).unwrap();
    for (name, why) in [
        ("link.jsonl", "it is a symbolic link"),
        ("twice.jsonl", "it has other names"),
        ("foreign.jsonl", "it belongs to another user"),
    ] {
        let warning = call(name, "recordingFile");
        assert!(warning.contains(why) && warning.contains("its mode 0666"), "{name}: {warning}");
        assert_eq!((mode(name), fs::read(fixture.file(name)).unwrap().len()), (0o666, 0), "{name}");
    }
    // A link to a private file, and a pipe, are the operator's choice.
    fs::set_permissions(fixture.file("linked.jsonl"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(call("link.jsonl", "recordingFile"), "");
    assert_eq!(read_lines(&fixture.file("linked.jsonl")).len(), 1);
}

#[test]
fn lines_of_concurrent_processes_are_not_interleaved_and_only_the_owner_can_read_them() {
    let fixture = Fixture::new(&Script::succeed());
    let long = "x".repeat(500_000);
    thread::scope(|scope| {
        for number in 0..12 {
            let call = fixture.call().container_id(&format!("c{number}")).key("long", json!(long));
            scope.spawn(move || call.run(plugin()).expect_success());
        }
    });
    let mut ids: Vec<_> =
        fixture.lines().iter().map(|line| line["containerId"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    let mode = fs::metadata(fixture.file("trace.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
