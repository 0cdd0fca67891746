//! Tests of the metrics file and the spans file.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::thread;
use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Script};
use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::common::{Fixture, plugin, read_lines};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn with_metrics(fixture: &Fixture) -> CallBuilder {
    fixture.call().key("metricsFile", json!(fixture.file("cni.prom")))
}

fn metrics(fixture: &Fixture) -> String {
    fs::read_to_string(fixture.file("cni.prom")).expect("metrics")
}

/// Makes twelve concurrent calls and returns the container ids of those that the metrics include.
///
/// A call that can't lock the metrics file in time logs a warning and is not counted.
fn concurrent_calls(fixture: &Fixture) -> Vec<String> {
    let run = |id: String| {
        let outcome = with_metrics(fixture).container_id(&id).run(plugin()).expect_success();
        (!outcome.stderr.contains("cni.prom.lock is still locked ")).then_some(id)
    };
    thread::scope(|scope| {
        let calls: Vec<_> = (0..12)
            .map(|number| scope.spawn(move || run(format!("concurrent-{number}"))))
            .collect();
        calls.into_iter().filter_map(|call| call.join().unwrap()).collect()
    })
}

/// Returns the value of the sample with this name and these labels.
fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn metrics_add_up_over_concurrent_processes() {
    let fixture = Fixture::new(&Script::succeed().on("CHECK", Behaviour::error(11, "later")));
    let counted = concurrent_calls(&fixture);
    assert!(counted.len() > 1, "fewer than two calls were counted");
    let number = Some(counted.len() as f64);
    let check =
        with_metrics(&fixture).as_verb("CHECK").key("prevResult", json!({"cniVersion": "1.1.0"}));
    assert_eq!(check.run(plugin()).error().0, 11);
    let text = metrics(&fixture);
    let add = "{network=\"net\",verb=\"ADD\",code=\"0\"";
    assert_eq!(sample(&text, &format!("cni_calls_total{add}}}")), number, "{text}");
    assert_eq!(
        sample(&text, "cni_calls_total{network=\"net\",verb=\"CHECK\",code=\"11\"}"),
        Some(1.0)
    );
    let duration = "cni_call_duration_seconds";
    assert_eq!(sample(&text, &format!("{duration}_bucket{add},le=\"+Inf\"}}")), number);
    assert_eq!(sample(&text, &format!("{duration}_count{add}}}")), number);
    let lines = fixture.lines();
    let lines = lines.iter().filter(|line| counted.iter().any(|id| line["containerId"] == **id));
    let micros: u64 = lines.map(|line| line["micros"].as_u64().unwrap()).sum();
    let sum = sample(&text, &format!("{duration}_sum{add}}}")).unwrap();
    assert!((sum - micros as f64 / 1e6).abs() < 1e-4, "{sum} s is not {micros} us");
    let counts: Vec<f64> = text
        .lines()
        .filter(|line| line.starts_with(&format!("{duration}_bucket{add}")))
        .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
        .collect();
    assert!(counts.len() == 14 && counts.is_sorted(), "{counts:?}");
    assert_eq!(text.matches("# TYPE").count(), 2);
    let mode = fs::metadata(fixture.file("cni.prom")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "the collector runs as another user");
    let files = fs::read_dir(fixture.plugins.path()).unwrap().flatten();
    let metrics_files =
        files.filter(|entry| entry.file_name().to_string_lossy().ends_with(".prom")).count();
    assert_eq!(metrics_files, 1, "the collector reads every file that ends in .prom");
}

#[test]
fn a_file_with_other_metrics_is_left_unchanged() {
    let fixture = Fixture::new(&Script::succeed());
    for foreign in ["node_load1 0.5", "node_cpu{cpu=\"0\"} 1", "cni_call_duration_seconds{} 1"] {
        fs::write(fixture.file("cni.prom"), format!("{foreign}\n")).unwrap();
        let outcome = with_metrics(&fixture).run(plugin()).expect_success();
        assert!(
            outcome.stderr.contains("which is not a metric of this plugin; remove the file"),
            "{}",
            outcome.stderr
        );
        assert_eq!(metrics(&fixture), format!("{foreign}\n"));
    }
    assert_eq!(fixture.lines().len(), 3, "the recording is still written");
}

#[test]
fn a_holder_that_hangs_delays_a_call_by_less_than_a_second_and_costs_only_the_metrics() {
    let fixture = Fixture::new(&Script::succeed());
    let hold = |name: &str| {
        let mut options = fs::OpenOptions::new();
        let held = options.append(true).create(true).mode(0o600).open(fixture.file(name)).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        held
    };
    let files = ["cni.prom.lock", "trace.jsonl", "spans.jsonl"].map(hold);
    let call = with_metrics(&fixture).key("spansFile", json!(fixture.file("spans.jsonl")));
    // The shortest of several calls, since one may be slow for any reason.
    let fastest = (0..20)
        .map(|_| {
            let outcome = call.run(plugin()).expect_success();
            let stderr = outcome.stderr;
            assert!(
                stderr.contains("cni.prom.lock is still locked by another process"),
                "{stderr}"
            );
            outcome.took
        })
        .find(|took| *took < Duration::from_secs(1));
    assert!(fastest.is_some(), "no call took less than a second");
    assert!(!fixture.file("cni.prom").exists());
    assert!(!fixture.lines().is_empty() && !read_lines(&fixture.file("spans.jsonl")).is_empty());
    drop(files);
    with_metrics(&fixture).run(plugin()).expect_success();
    assert_eq!(
        sample(&metrics(&fixture), "cni_calls_total{network=\"net\",verb=\"ADD\",code=\"0\"}"),
        Some(1.0)
    );
}

#[test]
fn a_symbolic_link_at_the_temporary_name_of_metrics_is_not_followed() {
    let fixture = Fixture::new(&Script::succeed());
    fs::write(fixture.file("victim"), "precious").unwrap();
    std::os::unix::fs::symlink(fixture.file("victim"), fixture.file(".cni.prom.next")).unwrap();
    let outcome = with_metrics(&fixture).run(plugin()).expect_success();
    assert_eq!(outcome.stderr, "");
    assert_eq!(fs::read_to_string(fixture.file("victim")).unwrap(), "precious");
    assert!(metrics(&fixture).contains("cni_calls_total{"));
}

fn with_spans(fixture: &Fixture, parent: &str) -> CallBuilder {
    let call = fixture.call().key("spansFile", json!(fixture.file("spans.jsonl")));
    call.env("TRACEPARENT", parent).env("TRACESTATE", "a=b")
}

/// Returns the spans of the last call.
fn spans(fixture: &Fixture) -> Vec<Value> {
    let requests = read_lines(&fixture.file("spans.jsonl"));
    let resource = &requests.last().unwrap()["resourceSpans"][0];
    let name = &resource["resource"]["attributes"][0];
    assert_eq!(name, &json!({"key": "service.name", "value": {"stringValue": "cni-trace"}}));
    resource["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn traceparent(fixture: &Fixture) -> String {
    fixture.plugins.calls("inner").last().unwrap().environment["TRACEPARENT"].clone()
}

#[test]
fn spans_continue_the_trace_of_the_runtime_and_the_delegate_continues_it() {
    let fixture = Fixture::new(&Script::succeed());
    with_spans(&fixture, &format!("00-{TRACE}-{PARENT}-00")).run(plugin()).expect_success();
    let [call, run] = spans(&fixture).try_into().unwrap();
    assert_eq!((&call["traceId"], &call["parentSpanId"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!((&run["traceId"], &run["parentSpanId"]), (&json!(TRACE), &call["spanId"]));
    assert_eq!((&call["name"], &run["name"]), (&json!("cni-trace ADD"), &json!("inner ADD")));
    let id = run["spanId"].as_str().unwrap();
    assert_eq!(traceparent(&fixture), format!("00-{TRACE}-{id}-00"));
    assert_eq!(fixture.plugins.calls("inner")[0].environment["TRACESTATE"], "a=b");
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    let (start, end) = ("startTimeUnixNano", "endTimeUnixNano");
    assert!(nanos(&call, start) <= nanos(&run, start) && nanos(&run, start) < nanos(&run, end));
    let attribute = json!({"key": "cni.container_id", "value": {"stringValue": "c1"}});
    assert!(call["attributes"].as_array().unwrap().contains(&attribute));
    assert_eq!(call.get("status"), None);
}

#[test]
fn a_malformed_parent_starts_a_new_trace() {
    let fixture = Fixture::new(&Script::succeed());
    with_spans(&fixture, &format!("00-{TRACE}-{PARENT}")).run(plugin()).expect_success();
    let [call, run] = spans(&fixture).try_into().unwrap();
    assert_eq!(call["parentSpanId"], "");
    let (trace, id) = (call["traceId"].as_str().unwrap(), run["spanId"].as_str().unwrap());
    assert!(trace != TRACE && trace.len() == 32, "{trace}");
    assert_eq!(traceparent(&fixture), format!("00-{trace}-{id}-01"));
    assert_eq!(fixture.plugins.calls("inner")[0].environment["TRACESTATE"], "");
}

#[test]
fn the_spans_of_a_failure_have_an_error_status() {
    let fixture = Fixture::new(&Script::succeed().on("ADD", Behaviour::error(11, "later")));
    assert_eq!(with_spans(&fixture, "").run(plugin()).error().0, 11);
    let [call, run, rollback] = spans(&fixture).try_into().unwrap();
    let status = json!({"code": 2, "message": "later"});
    assert_eq!((&call["status"], &run["status"]), (&status, &status));
    assert_eq!((&rollback["name"], rollback.get("status")), (&json!("inner DEL"), None));
    let code = json!({"key": "cni.error.code", "value": {"stringValue": "11"}});
    assert!(run["attributes"].as_array().unwrap().contains(&code));
}

#[test]
fn without_a_spans_file_the_trace_context_is_passed_on_unchanged() {
    let fixture = Fixture::new(&Script::succeed());
    fixture.call().env("TRACEPARENT", "odd").run(plugin()).expect_success();
    assert_eq!(traceparent(&fixture), "odd");
}
