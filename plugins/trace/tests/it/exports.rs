//! Metrics and spans.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Script};
use serde_json::{Value, json};

use crate::common::{Scene, plugin, read_lines};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn counting(scene: &Scene) -> CallBuilder {
    scene.call().key("metricsFile", json!(scene.file("cni.prom")))
}

fn metrics(scene: &Scene) -> String {
    fs::read_to_string(scene.file("cni.prom")).expect("metrics")
}

/// Makes twelve calls at once and returns the ids of those that are in the metrics. A call waits
/// one second for the others; one that waited in vain is not counted, and logs that.
fn counted_at_once(scene: &Scene) -> Vec<String> {
    let run = |id: String| {
        let outcome = counting(scene).container_id(&id).run(plugin()).expect_success();
        (!outcome.stderr.contains("another process holds ")).then_some(id)
    };
    thread::scope(|scope| {
        let calls: Vec<_> =
            (0..12).map(|number| scope.spawn(move || run(format!("at-once-{number}")))).collect();
        calls.into_iter().filter_map(|call| call.join().unwrap()).collect()
    })
}

/// The value of a sample.
fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn metrics_add_up_over_processes_that_run_at_once() {
    let scene = Scene::new(&Script::obey().on("CHECK", Behaviour::error(11, "later")));
    let counted = counted_at_once(&scene);
    assert!(counted.len() > 1, "no two calls were counted");
    let number = Some(counted.len() as f64);
    let check = counting(&scene).as_verb("CHECK").key("prevResult", json!({"cniVersion": "1.1.0"}));
    assert_eq!(check.run(plugin()).error().0, 11);
    let text = metrics(&scene);
    let add = "{network=\"net\",verb=\"ADD\",code=\"0\"";
    assert_eq!(sample(&text, &format!("cni_calls_total{add}}}")), number, "{text}");
    assert_eq!(
        sample(&text, "cni_calls_total{network=\"net\",verb=\"CHECK\",code=\"11\"}"),
        Some(1.0)
    );
    let duration = "cni_call_duration_seconds";
    assert_eq!(sample(&text, &format!("{duration}_bucket{add},le=\"+Inf\"}}")), number);
    assert_eq!(sample(&text, &format!("{duration}_count{add}}}")), number);
    let lines = scene.lines();
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
    let mode = fs::metadata(scene.file("cni.prom")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "the collector is another user");
    let left = fs::read_dir(scene.plugins.path()).unwrap().flatten();
    let proms = left.filter(|entry| entry.file_name().to_string_lossy().ends_with(".prom")).count();
    assert_eq!(proms, 1, "nothing else that the collector would read");
}

#[test]
fn metrics_of_somebody_else_are_left_alone() {
    let scene = Scene::new(&Script::obey());
    for foreign in ["node_load1 0.5", "node_cpu{cpu=\"0\"} 1", "cni_call_duration_seconds{} 1"] {
        fs::write(scene.file("cni.prom"), format!("{foreign}\n")).unwrap();
        let outcome = counting(&scene).run(plugin()).expect_success();
        assert!(
            outcome.stderr.contains("which is not ours; remove the file"),
            "{}",
            outcome.stderr
        );
        assert_eq!(metrics(&scene), format!("{foreign}\n"));
    }
    assert_eq!(scene.lines().len(), 3, "the rest is written all the same");
}

#[test]
fn a_lock_that_is_never_given_back_holds_a_call_up_for_a_second_only() {
    let scene = Scene::new(&Script::obey());
    let held = fs::File::create(scene.file("cni.prom.lock")).unwrap();
    held.lock().unwrap();
    let outcome = counting(&scene).run(plugin()).expect_success();
    assert!(outcome.stderr.contains("another process holds "), "{}", outcome.stderr);
    assert!(outcome.took >= Duration::from_secs(1), "it waited: {outcome}");
    assert!(!scene.file("cni.prom").exists());
    held.unlock().unwrap();
    counting(&scene).run(plugin()).expect_success();
    assert_eq!(
        sample(&metrics(&scene), "cni_calls_total{network=\"net\",verb=\"ADD\",code=\"0\"}"),
        Some(1.0)
    );
}

#[test]
fn a_link_in_the_way_of_metrics_leads_nowhere() {
    let scene = Scene::new(&Script::obey());
    fs::write(scene.file("victim"), "precious").unwrap();
    std::os::unix::fs::symlink(scene.file("victim"), scene.file(".cni.prom.next")).unwrap();
    let outcome = counting(&scene).run(plugin()).expect_success();
    assert_eq!(outcome.stderr, "");
    assert_eq!(fs::read_to_string(scene.file("victim")).unwrap(), "precious");
    assert!(metrics(&scene).contains("cni_calls_total{"));
}

fn traced(scene: &Scene, parent: &str) -> CallBuilder {
    let call = scene.call().key("spansFile", json!(scene.file("spans.jsonl")));
    call.env("TRACEPARENT", parent).env("TRACESTATE", "a=b")
}

/// The spans of the last call.
fn spans(scene: &Scene) -> Vec<Value> {
    let requests = read_lines(&scene.file("spans.jsonl"));
    let resource = &requests.last().unwrap()["resourceSpans"][0];
    let name = &resource["resource"]["attributes"][0];
    assert_eq!(name, &json!({"key": "service.name", "value": {"stringValue": "cni-trace"}}));
    resource["scopeSpans"][0]["spans"].as_array().unwrap().clone()
}

fn traceparent(scene: &Scene) -> String {
    scene.plugins.calls("inner").last().unwrap().environment["TRACEPARENT"].clone()
}

#[test]
fn spans_continue_the_runtime_s_trace_and_the_delegate_continues_them() {
    let scene = Scene::new(&Script::obey());
    traced(&scene, &format!("00-{TRACE}-{PARENT}-00")).run(plugin()).expect_success();
    let [call, run] = spans(&scene).try_into().unwrap();
    assert_eq!((&call["traceId"], &call["parentSpanId"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!((&run["traceId"], &run["parentSpanId"]), (&json!(TRACE), &call["spanId"]));
    assert_eq!((&call["name"], &run["name"]), (&json!("cni-trace ADD"), &json!("inner ADD")));
    let id = run["spanId"].as_str().unwrap();
    assert_eq!(traceparent(&scene), format!("00-{TRACE}-{id}-00"));
    assert_eq!(scene.plugins.calls("inner")[0].environment["TRACESTATE"], "a=b");
    let nanos = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
    let (start, end) = ("startTimeUnixNano", "endTimeUnixNano");
    assert!(nanos(&call, start) <= nanos(&run, start) && nanos(&run, start) < nanos(&run, end));
    let attribute = json!({"key": "cni.container_id", "value": {"stringValue": "c1"}});
    assert!(call["attributes"].as_array().unwrap().contains(&attribute));
    assert_eq!(call.get("status"), None);
}

#[test]
fn a_malformed_parent_starts_a_new_trace() {
    let scene = Scene::new(&Script::obey());
    traced(&scene, &format!("00-{TRACE}-{PARENT}")).run(plugin()).expect_success();
    let [call, run] = spans(&scene).try_into().unwrap();
    assert_eq!(call["parentSpanId"], "");
    let (trace, id) = (call["traceId"].as_str().unwrap(), run["spanId"].as_str().unwrap());
    assert!(trace != TRACE && trace.len() == 32, "{trace}");
    assert_eq!(traceparent(&scene), format!("00-{trace}-{id}-01"));
    assert_eq!(scene.plugins.calls("inner")[0].environment["TRACESTATE"], "");
}

#[test]
fn a_failure_marks_its_spans() {
    let scene = Scene::new(&Script::obey().on("ADD", Behaviour::error(11, "later")));
    assert_eq!(traced(&scene, "").run(plugin()).error().0, 11);
    let [call, run, rollback] = spans(&scene).try_into().unwrap();
    let status = json!({"code": 2, "message": "later"});
    assert_eq!((&call["status"], &run["status"]), (&status, &status));
    assert_eq!((&rollback["name"], rollback.get("status")), (&json!("inner DEL"), None));
    let code = json!({"key": "cni.error.code", "value": {"stringValue": "11"}});
    assert!(run["attributes"].as_array().unwrap().contains(&code));
}

#[test]
fn without_spans_the_environment_passes_as_it_is() {
    let scene = Scene::new(&Script::obey());
    scene.call().env("TRACEPARENT", "odd").run(plugin()).expect_success();
    assert_eq!(traceparent(&scene), "odd");
}
