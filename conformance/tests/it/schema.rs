//! The JSON report matches its published schema, and the schema refuses broken reports.

use crate::support::documents::{document, report};
use crate::support::schema::{refused, schema};
use cni_conformance::report::Document;
use serde_json::{Value, json};

fn written() -> Value {
    let document = document(&report("plugin", &[cni_conformance::Verdict::Warn]));
    serde_json::from_str(&document.json()).unwrap()
}

#[test]
fn a_report_with_every_verdict_matches_the_schema() {
    assert_eq!(refused(&written()), None);
}

#[test]
fn a_report_is_read_again_as_it_was_written() {
    let before = document(&report("plugin", &[]));
    assert_eq!(Document::parse(&before.json()).unwrap(), before);
}

#[test]
fn readers_tolerate_unknown_keys_and_refuse_unknown_formats() {
    let mut report = written();
    report["future"] = json!({ "key": 1 });
    report["cases"][0]["runs"][0]["future"] = json!(true);
    assert_eq!(refused(&report), None);
    Document::parse(&report.to_string()).unwrap();
    let problem = |text: &str| Document::parse(text).unwrap_err();
    assert!(problem("{").contains("not JSON"));
    assert!(problem("{}").contains("not a report of cni-conformance"));
    assert!(problem(r#"{"report": 1}"#).contains("of format 1; this program reads format 2"));
    assert!(problem(r#"{"report": 2}"#).contains("missing field"));
}

/// The schema describes every key that is written, and no others.
#[test]
fn the_schema_describes_exactly_what_is_written() {
    let (report, schema) = (written(), schema());
    let defs = &schema["$defs"];
    let runs = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["runs"].as_array().unwrap().iter().map(Value::clone));
    let all_runs = runs.fold(json!({}), |mut all, run| {
        all.as_object_mut().unwrap().extend(run.as_object().unwrap().clone());
        all
    });
    for (object, described) in [
        (&report, &schema),
        (&report["host"], &schema["properties"]["host"]),
        (&report["subject"], &defs["subject"]),
        (&report["cases"][0], &defs["case"]),
        (&all_runs, &defs["run"]),
        (&all_runs["exchanges"][0], &defs["exchange"]),
    ] {
        let mut keys: Vec<_> = object.as_object().unwrap().keys().collect();
        let mut properties: Vec<_> = described["properties"].as_object().unwrap().keys().collect();
        keys.sort();
        properties.sort();
        assert_eq!(keys, properties);
    }
}

#[test]
fn broken_reports_are_refused() {
    for (pointer, value) in [
        ("/report", json!(3)),
        ("/date", json!(1_700_000_000)),
        ("/host/rootless", json!("no")),
        ("/subject/profile", json!("router")),
        ("/subject/sha256", json!("not a sum")),
        ("/level", json!("may")),
        ("/result", json!("partial")),
        ("/versions/0", json!("one")),
        ("/counts/pass", json!(-1)),
        ("/cases/0/id", json!("No Id")),
        ("/cases/0/verdict", json!("passed")),
        ("/cases/0/runs", json!([])),
        ("/cases/0/runs/0/millis", json!("12")),
        ("/cases/1/runs/0/exchanges/0/exit", json!("1")),
        ("/cases/1/runs/0/exchanges/0/environment", json!({ "PATH": 1 })),
    ] {
        let mut report = written();
        *report.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} does not exist")) = value;
        let why = refused(&report).unwrap_or_else(|| panic!("any value of {pointer} is accepted"));
        assert!(why.contains(pointer), "{pointer} is refused for another reason: {why}");
    }
    for (pointer, key) in [
        ("", "cases"),
        ("/counts", "skip"),
        ("/cases/1/runs/0", "actual"),
        ("/cases/4/runs/0", "note"),
    ] {
        let mut report = written();
        let object = report.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
        assert!(object.shift_remove(key).is_some(), "{pointer} has no {key}");
        assert!(refused(&report).is_some(), "{key} in {pointer} may be absent");
    }
}
