//! Files that can't be written do not fail a call; mistakes in the configuration fail it early.

use std::fs;
use std::io::Write;

use cni_test_kit::{Behaviour, CallBuilder, Script, assert_refused_ids, wait_until};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::common::{Fixture, plugin, waits_for_a_lock};

#[test]
fn a_line_that_a_full_disk_cut_off_does_not_spoil_the_next() {
    let fixture = Fixture::new(&Script::succeed());
    fs::write(fixture.file("trace.jsonl"), "{\"time\":\"20").unwrap();
    fixture.call().run(plugin()).expect_success();
    fixture.call().run(plugin()).expect_success();
    let text = fs::read_to_string(fixture.file("trace.jsonl")).unwrap();
    let sound = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    assert_eq!((text.lines().count(), sound), (3, 2), "{text}");
}

#[test]
fn a_line_that_another_process_is_writing_is_not_taken_for_one_that_was_cut_off() {
    // A call waits for the lock for 200 ms. If this test is not scheduled within that time, it
    // tries again.
    for _ in 0..20 {
        let fixture = Fixture::new(&Script::succeed());
        let path = fixture.file("trace.jsonl");
        let mut other = fs::File::create(&path).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        other.write_all(b"{\"half\":").unwrap();
        let call = fixture.call().start(plugin());
        // A call that did not wait for the lock would write its line at once.
        wait_until("the call waits or has written", || {
            waits_for_a_lock(call.pid()) || fs::metadata(&path).unwrap().len() > 8
        });
        other.write_all(b"1}\n").unwrap();
        flock(&other, FlockOperation::Unlock).unwrap();
        call.finish().expect_success();
        let gave_up_waiting = fs::read_to_string(&path).unwrap().starts_with("{\"half\":{");
        if !gave_up_waiting {
            let lines = fixture.lines();
            assert_eq!((lines.len(), &lines[1]["verb"]), (2, &json!("ADD")));
            return;
        }
    }
    panic!("in none of twenty attempts did this test continue in time");
}

#[test]
fn a_failed_write_is_a_warning_and_does_not_change_the_answer() {
    let text = "{\"cniVersion\":\"1.1.0\",  \"ips\":[]}\n";
    let fixture = Fixture::new(&Script::succeed().on("ADD", Behaviour::raw(text)));
    for path in ["/no/such/directory/trace.jsonl", "/dev/full", "/proc/trace.jsonl", "/tmp"] {
        for key in ["recordingFile", "spansFile", "metricsFile"] {
            let call = fixture.call().key(key, json!(path));
            let outcome = call.run(plugin()).expect_success();
            assert_eq!(outcome.stdout, text, "{key} {path}");
            let warning = format!("warn: this ADD could not be written to {path}: ");
            assert!(outcome.stderr.contains(&warning), "{key} {path}: {}", outcome.stderr);
            call.as_verb("DEL").run(plugin()).expect_success();
        }
    }
    let failing = Fixture::new(&Script::succeed().on("ADD", Behaviour::error(11, "later")));
    let (code, msg, _) =
        failing.call().key("recordingFile", json!("/dev/full")).run(plugin()).error();
    assert_eq!((code, msg.as_str()), (11, "later"));
}

#[test]
fn a_mistake_in_a_key_fails_the_call_before_the_delegate_except_for_del() {
    let fixture = Fixture::new(&Script::succeed());
    let wrong: [(&str, Value, &str); 6] = [
        (
            "recordingFile",
            json!("trace.jsonl"),
            "recordingFile: \"trace.jsonl\" is not an absolute path",
        ),
        ("recordingFile", json!(7), "recordingFile: "),
        ("metricsFile", json!(fixture.file("trace.jsonl")), "is also the recordingFile"),
        ("spansFile", json!(""), "spansFile: \"\" is not an absolute path"),
        ("redact", json!("key"), "redact: "),
        ("redact", json!(["key", ""]), "redact[1]: an empty string"),
    ];
    for (key, value, expected) in wrong {
        let call: CallBuilder = fixture.call().key(key, value);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 7, "{msg}");
        assert!(msg.contains(expected), "{expected:?} is not in {msg:?}");
        assert!(fixture.plugins.verbs().is_empty(), "{key}: the delegate was called");
    }
    let call = fixture.call().key("redact", json!(7)).without_netns();
    let outcome = call.as_verb("DEL").run(plugin()).expect_success();
    assert!(outcome.stderr.contains("this DEL is not traced: redact: "), "{}", outcome.stderr);
    assert_eq!(fixture.plugins.verbs(), ["inner DEL"]);
    assert!(!fixture.file("trace.jsonl").exists());
}

#[test]
fn the_old_name_of_a_key_is_refused_with_the_new_one() {
    let fixture = Fixture::new(&Script::succeed());
    let call = fixture.call().key("traceFile", json!(fixture.file("old.jsonl")));
    for verb in ["ADD", "CHECK", "STATUS"] {
        let (code, msg, _) = call.clone().as_verb(verb).run(plugin()).error();
        let expected = "traceFile: this key was renamed to recordingFile";
        assert_eq!((code, msg.as_str()), (7, expected), "{verb}");
    }
    assert!(fixture.plugins.verbs().is_empty(), "the delegate was called");
    for verb in ["DEL", "GC"] {
        let outcome = call.clone().as_verb(verb).run(plugin()).expect_success();
        assert!(outcome.stderr.contains("traceFile: this key was renamed"), "{}", outcome.stderr);
    }
    assert_eq!(fixture.plugins.verbs(), ["inner DEL", "inner GC"]);
}

#[test]
fn a_mistyped_key_is_a_warning() {
    let fixture = Fixture::new(&Script::succeed());
    let call = fixture.call().key("recording_file", json!("/x")).key("redacted", json!([]));
    let outcome = call.run(plugin()).expect_success();
    for (typed, meant) in [("recording_file", "recordingFile"), ("redacted", "redact")] {
        let warning = format!("{typed} is not a known key; did you mean {meant}?");
        assert!(outcome.stderr.contains(&warning), "{outcome}");
    }
}

#[test]
fn an_add_with_an_id_that_only_mesos_allows_is_refused_and_its_del_cleans_up() {
    let fixture = Fixture::new(&Script::succeed());
    assert_refused_ids(&fixture.call(), plugin().as_ref(), &fixture.plugins);
    assert!(fixture.lines().iter().all(|line| line["verb"] == "DEL"), "{:?}", fixture.lines());
}
