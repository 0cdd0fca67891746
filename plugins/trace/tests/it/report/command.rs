//! The command line of `report`, and files that are damaged.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use cni_test_kit::Page;
use cni_test_kit::process::run_into_closed_pipe;
use serde_json::json;

use super::{call, few, report, text};
use crate::common::{Fixture, plugin};

fn open(recording: &str) -> (Page, String) {
    let (_directory, output) = report(recording, &["trace.jsonl"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    (Page::open(&String::from_utf8(output.stdout).unwrap(), 1280, false), errors)
}

#[test]
fn lines_that_are_damaged_or_of_another_format_are_named_and_skipped() {
    let [good, other] = [call("ADD", "c1", 0, 1000), call("DEL", "c1", 1, 1000)];
    let mut later = good.clone();
    later["format"] = json!(2);
    let mut early = other.clone();
    early.as_object_mut().unwrap().remove("format");
    early["delegates"][0].as_object_mut().unwrap().remove("time");
    let mut wrong = good.clone();
    wrong["time"] = json!("yesterday");
    let cut = &good.to_string()[..200];
    let lines = format!("{good}\n\n{cut}\n{{}}\n{later}\n[1]\n{wrong}\n{{\u{1b}\n{early}");
    let (mut page, errors) = open(&lines);
    assert_eq!(page.texts("#timeline .call .what"), ["ADD", "DEL"]);
    let reasons = [
        "trace.jsonl, line 3 was skipped: it is not a line of cni-trace, or is damaged (EOF",
        "trace.jsonl, line 4 was skipped: it is not a line of cni-trace, or is damaged (missing",
        "trace.jsonl, line 5 was skipped: it has format 2, but this version reads format 1",
        "trace.jsonl, line 6 was skipped: it is not a line of cni-trace",
        "trace.jsonl, line 7 was skipped: time: ",
        "trace.jsonl, line 8 was skipped: it is not a line of cni-trace",
    ];
    page.click("#notes-title");
    let notes = page.texts("#notes li");
    assert_eq!(notes.len(), reasons.len(), "{notes:?}");
    for (note, reason) in notes.iter().zip(reasons) {
        assert!(note.starts_with(reason), "{note:?} does not begin with {reason:?}");
        assert!(errors.contains(&format!("cni-trace: {reason}")), "{errors}");
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn durations_that_no_call_can_have_are_named_and_their_lines_skipped() {
    let good = call("ADD", "c1", 0, 1000);
    let (mut long, mut delegate, mut early) = (good.clone(), good.clone(), good.clone());
    long["micros"] = json!(u64::MAX);
    delegate["delegates"][1]["micros"] = json!(u64::MAX);
    // The third delegate's beginning is the sum of what precedes it.
    let mut without_time = good["delegates"][0].clone();
    without_time.as_object_mut().unwrap().remove("time");
    without_time["micros"] = json!(1_u64 << 50);
    early["delegates"] = vec![without_time; 3].into();
    let (_directory, output) = report(&text(&[good, long, delegate, early]), &["trace.jsonl"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    for line in [2, 3] {
        let why = "it is damaged (micros: 18446744073709551615 is not the duration of a call)";
        let expected = format!("cni-trace: trace.jsonl, line {line} was skipped: {why}\n");
        assert!(errors.contains(&expected), "{errors}");
    }
    assert_eq!(errors.lines().count(), 2, "{errors}");
}

#[test]
fn an_empty_file_is_named_and_makes_a_page() {
    for nothing in ["", "\n \n"] {
        let (mut page, errors) = open(nothing);
        let note = "trace.jsonl is empty: no call was recorded";
        assert_eq!(errors, format!("cni-trace: {note}\n"));
        assert_eq!(page.texts("#notes li"), [note]);
        assert!(page.texts("#about")[0].starts_with("0 calls · trace.jsonl"));
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

#[test]
fn several_files_make_one_page_which_only_its_owner_can_read() {
    let (directory, output) =
        report(&text(&few()), &["trace.jsonl", "trace.jsonl", "-o", "o.html"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let page = directory.path().join("o.html");
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    let mut page = Page::open(&fs::read_to_string(page).unwrap(), 1280, false);
    assert!(page.texts("#about")[0].starts_with("8 calls · 2 attachments · 2 failed"));
}

#[test]
fn a_file_that_begins_with_a_byte_order_mark_is_read_whole() {
    let (_page, errors) = open(&format!("\u{feff}{}", text(&few())));
    assert_eq!(errors, "", "no line was skipped");
}

#[test]
fn a_page_whose_reader_has_closed_the_pipe_ends_quietly() {
    // More than a pipe holds.
    let calls: Vec<_> = (0..200).map(|second| call("ADD", "c1", second % 60, 1000)).collect();
    let directory = cni_test_kit::TempDir::new();
    std::fs::write(directory.path().join("t.jsonl"), text(&calls)).unwrap();
    for args in [&["report", "t.jsonl"][..], &["--help"], &["--version"]] {
        let mut command = Command::new(plugin());
        command.args(args).current_dir(directory.path()).env_remove("CNI_COMMAND");
        assert_eq!(run_into_closed_pipe(&mut command), (Some(0), String::new()), "{args:?}");
    }
}

#[test]
fn messages_whose_reader_has_closed_the_pipe_are_no_reason_to_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(plugin());
    command.args(["report", "no.jsonl"]).env_remove("CNI_COMMAND").stderr(writer);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
}

#[test]
fn a_recording_can_be_read_from_stdin() {
    let mut command = Command::new(plugin());
    command.args(["report", "-"]).env_remove("CNI_COMMAND");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text(&few()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("\"files\":[\"stdin\"]"));
}

#[test]
fn a_mistake_on_the_command_line_is_named() {
    let recording = text(&few());
    for (args, expected) in [
        (&["no.jsonl"][..], "no.jsonl: No such file or directory"),
        (&["trace.jsonl", "-o", "trace.jsonl"], "trace.jsonl: this is one of the recordings"),
        (&["trace.jsonl", "-o", "no/o.html"], "no/o.html: No such file"),
        (&[], "no recording is given"),
        (&["trace.jsonl", "--colour"], "invalid option '--colour'"),
    ] {
        let (directory, output) = report(&recording, args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && output.stdout.is_empty(), "{args:?}: {output:?}");
        assert!(errors.contains(expected), "{args:?}: {errors}");
        let kept = fs::read_to_string(directory.path().join("trace.jsonl")).unwrap();
        assert_eq!(kept, recording, "{args:?}");
    }
    let output = Command::new(plugin()).arg("reports").env_remove("CNI_COMMAND").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("unknown command \"reports\"") && errors.contains("Usage:"),
        "{errors}"
    );
}

#[test]
fn arguments_do_not_make_a_call_of_a_runtime_a_command() {
    let fixture = Fixture::new(&cni_test_kit::Script::succeed());
    let mut command = Command::new(plugin());
    command.args(["report", "trace.jsonl"]).env("CNI_COMMAND", "VERSION").stdin(Stdio::null());
    let output = command.current_dir(fixture.plugins.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("supportedVersions"), "{output:?}");
}
