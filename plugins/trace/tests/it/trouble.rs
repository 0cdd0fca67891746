//! Files that can't be written, keys that are wrong: the call goes on, or nothing is half done.

use std::fs;
use std::io::Write;

use cni_test_kit::{Behaviour, CallBuilder, Script};
use serde_json::{Value, json};

use crate::common::{Scene, plugin, wait_until, waits_for_a_lock};

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
    // A call waits one second for the other process. If this test does not get the processor within
    // that time, it tries again.
    for _ in 0..20 {
        let scene = Scene::new(&Script::obey());
        let path = scene.file("trace.jsonl");
        let mut other = fs::File::create(&path).unwrap();
        other.lock().unwrap();
        other.write_all(b"{\"half\":").unwrap();
        let call = scene.call().start(plugin());
        // A call that does not wait writes its line.
        wait_until("the call waits or has written", || {
            waits_for_a_lock(call.pid()) || fs::metadata(&path).unwrap().len() > 8
        });
        other.write_all(b"1}\n").unwrap();
        other.unlock().unwrap();
        call.finish().expect_success();
        let gave_up_waiting = fs::read_to_string(&path).unwrap().starts_with("{\"half\":{");
        if !gave_up_waiting {
            let lines = scene.lines();
            assert_eq!((lines.len(), &lines[1]["verb"]), (2, &json!("ADD")));
            return;
        }
    }
    panic!("in none of twenty attempts the other process went on within a second");
}

#[test]
fn trouble_with_tracing_is_a_warning_and_the_answer_passes() {
    let text = "{\"cniVersion\":\"1.1.0\",  \"ips\":[]}\n";
    let scene = Scene::new(&Script::obey().on("ADD", Behaviour::raw(text)));
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
    let failing = Scene::new(&Script::obey().on("ADD", Behaviour::error(11, "later")));
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
