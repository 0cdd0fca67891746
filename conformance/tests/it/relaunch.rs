//! The relaunch of a task on the same host port, with plugins that accept it, wait or refuse it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::support::Mutants;
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::lifecycle::catalogue::all;
use cni_conformance::runtime::lifecycle::run::{LifecycleResult, run_lifecycle};
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::{Profile, Subject, Verdict};
use cni_protocol::SpecVersion;
use cni_test_kit::TempDir;
use serde_json::{Map, json};

const PLUGIN: &str = include_str!("relaunch.sh");

/// Of a call, only to end a test that hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// The scripted plugin does not depend on it.
const DEL_DELAY: Duration = Duration::from_millis(20);

fn relaunch(subject: Subject, kind: RuntimeKind) -> LifecycleResult {
    let lifecycle = all().find(|lifecycle| lifecycle.name == "relaunch").unwrap();
    let setup = Setup::of_subject(kind, subject, SpecVersion::V1_0_0, LIMIT).unwrap();
    run_lifecycle(lifecycle, &setup.with_del_delay(DEL_DELAY)).0
}

/// Runs the lifecycle with a scripted plugin that does this when another container has the port.
fn with_conflict(conflict: &str) -> LifecycleResult {
    with_script(&PLUGIN.replace("@CONFLICT@", conflict).replace("@LISTED@", "rules"))
}

fn with_script(script: &str) -> LifecycleResult {
    let directory = TempDir::new();
    let program = directory.path().join("scripted-port-mapper");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut subject = Subject::new(program, Profile::Wrapper, Map::new());
    let mapping = json!({ "hostPort": 8000, "containerPort": 80, "protocol": "tcp" });
    let supplied = json!({ "portMappings": [mapping] });
    subject.runtime_config = supplied.as_object().cloned().unwrap();
    relaunch(subject, RuntimeKind::Mesos)
}

/// Returns the steps, each marked as passed or failed.
fn steps(result: &LifecycleResult) -> Vec<String> {
    let sign = |passed: bool| if passed { '✔' } else { '✘' };
    result.steps.iter().map(|step| format!("{} {}", sign(step.passed), step.what)).collect()
}

const BEGINNING: [&str; 3] = [
    "✔ ADD of first",
    "✔ host port 8003 reaches first from outside",
    "✔ the terminal status of first: host port 8003 is free",
];
const END: [&str; 3] =
    ["✔ host port 8003 reaches second from outside", "✔ DEL of second", "✔ nothing is left behind"];

#[test]
fn a_relaunch_passes_if_the_add_succeeds_at_once() {
    let result = with_conflict("true");
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    // The ADD ends before the DEL or after it, but the DEL begins after the ADD's decision.
    let steps = steps(&result);
    let (beginning, rest) = steps.split_at(3);
    let (middle, end) = rest.split_at(2);
    assert_eq!((beginning, end), (&BEGINNING.map(str::to_owned)[..], &END.map(str::to_owned)[..]));
    for call in ["✔ ADD of second", "✔ DEL of first"] {
        assert!(middle.iter().any(|step| step == call), "{steps:#?}");
    }
}

#[test]
fn a_relaunch_passes_if_the_add_waits_for_the_del() {
    let result = with_conflict("await_end");
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    let middle = ["✔ DEL of first", "✔ ADD of second"];
    let expected: Vec<_> = BEGINNING.iter().chain(&middle).chain(&END).copied().collect();
    // Both end at almost the same time, so that they may be reported in either order.
    let mut steps = steps(&result);
    steps[3..5].sort_by_key(|step| step.contains("ADD"));
    assert_eq!(steps, expected);
    for step in &result.steps[3..5] {
        let times = step.note.as_deref().unwrap_or_default();
        assert!(times.ends_with(" s after the terminal status"), "{step:?}");
    }
    let times: Vec<_> = result.steps.iter().map(|step| step.at).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn a_relaunch_fails_if_the_add_is_refused() {
    let result = with_conflict("refuse");
    assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
    let mut steps = steps(&result);
    steps[3..].sort();
    let middle = ["✔ DEL of first", "✘ ADD of second"];
    assert_eq!(steps, BEGINNING.iter().chain(&middle).copied().collect::<Vec<_>>());
    let finding = result.finding.unwrap();
    assert_eq!(finding.expected, "ADD of second: success");
    assert!(finding.actual.contains("host port 8003 belongs to first"), "{finding:?}");
    let call = result.exchange.unwrap();
    assert_eq!(call.environment["CNI_COMMAND"], "ADD");
    assert_eq!(call.environment["CNI_CONTAINERID"], "second");
}

#[test]
fn a_relaunch_fails_if_the_port_leads_to_the_first_container_after_its_del() {
    let keeps_its_rule = PLUGIN.replace("@CONFLICT@", "true").replace("@LISTED@", "true");
    let result = with_script(&keeps_its_rule);
    assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
    let finding = result.finding.unwrap();
    let expected = "host port 8003 reaches second from outside: success";
    assert_eq!(finding.expected, expected, "{finding:?}");
}

#[test]
fn a_relaunch_passes_with_the_unmutated_wrapper_and_is_skipped_without_port_mappings() {
    let mutants = Mutants::new();
    let result = relaunch(mutants.subject(Profile::Wrapper, None), RuntimeKind::Mesos);
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    let result = relaunch(mutants.subject(Profile::Interface, None), RuntimeKind::Mesos);
    assert_eq!(result.verdict, Verdict::Skip, "{result:#?}");
    assert!(result.note.unwrap().contains("it maps no TCP port"));
    let result = relaunch(mutants.subject(Profile::Wrapper, None), RuntimeKind::Libcni);
    assert_eq!(result.verdict, Verdict::Skip, "{result:#?}");
}
