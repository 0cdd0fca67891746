//! Lifecycles: the unmutated plugin passes all of them, and each fails a mutant.

use std::process::{Command, Output};
use std::time::Duration;

use crate::support::Mutants;
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::lifecycle::catalogue::all;
use cni_conformance::runtime::lifecycle::definition::Lifecycle;
use cni_conformance::runtime::lifecycle::run::{LifecycleResult, run_lifecycle};
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::{Profile, Verdict};
use cni_protocol::SpecVersion;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

fn result_of(
    mutants: &Mutants,
    lifecycle: &Lifecycle,
    kind: RuntimeKind,
    profile: Profile,
    version: SpecVersion,
    mutation: Option<&str>,
) -> LifecycleResult {
    let setup =
        Setup::of_subject(kind, mutants.subject(profile, mutation), version, LIMIT).unwrap();
    run_lifecycle(lifecycle, &setup.with_del_delay(Duration::from_millis(20))).0
}

fn passes_everything(kind: RuntimeKind, profile: Profile, version: SpecVersion) {
    let mutants = Mutants::new();
    let mut passed = 0;
    for lifecycle in all() {
        let result = result_of(&mutants, lifecycle, kind, profile, version, None);
        let fine = matches!(result.verdict, Verdict::Pass | Verdict::Skip);
        assert!(fine, "{} with {kind}, {profile}, {version}: {result:#?}", lifecycle.name);
        passed += usize::from(result.verdict == Verdict::Pass);
    }
    let least = if kind == RuntimeKind::Mesos { 8 } else { 11 };
    assert!(passed >= least, "only {passed} lifecycles passed");
}

#[test]
fn the_unmutated_interface_plugin_passes_all_lifecycles() {
    passes_everything(RuntimeKind::Libcni, Profile::Interface, SpecVersion::V1_1_0);
    passes_everything(RuntimeKind::Mesos, Profile::Interface, SpecVersion::V0_1_0);
}

#[test]
fn the_unmutated_chained_plugin_passes_all_lifecycles() {
    passes_everything(RuntimeKind::Libcni, Profile::Chained, SpecVersion::V1_1_0);
}

#[test]
fn the_unmutated_wrapper_passes_all_lifecycles() {
    passes_everything(RuntimeKind::Libcni, Profile::Wrapper, SpecVersion::V0_4_0);
    passes_everything(RuntimeKind::Mesos, Profile::Wrapper, SpecVersion::V0_1_0);
}

#[test]
fn the_unmutated_ipam_plugin_passes_all_lifecycles() {
    passes_everything(RuntimeKind::Libcni, Profile::Ipam, SpecVersion::V1_1_0);
    passes_everything(RuntimeKind::Mesos, Profile::Ipam, SpecVersion::V0_1_0);
}

/// The mutant that each lifecycle must fail: of the interface plugin, or where ports are mapped, of
/// the wrapper.
const MUTANTS: [(&str, &str); 14] = [
    ("plain", "del.undoes-add"),
    ("add-after-del", "add.works-again-after-del"),
    ("repeated-del", "del.twice-succeeds"),
    ("out-of-order", "check.needs-prev-result"),
    ("del-without-add", "del.without-add-succeeds"),
    ("failed-add", "del.after-failed-add-succeeds"),
    ("container-gone", "del.without-netns-cleans"),
    ("restart", "del.undoes-add"),
    ("restart-without-cache", "del.without-prev-result-cleans"),
    ("gc-lost-containers", "environment.gc-needs-only-path"),
    ("gc-lost-cache", "gc.removes-stale-attachments"),
    ("two-at-once", "del.touches-only-its-own"),
    ("many-at-once", "concurrency.many-containers-at-once"),
    ("relaunch", "del.without-runtime-config-cleans"),
];

fn each_fails_its_mutant(kind: RuntimeKind, version: SpecVersion) {
    let mutants = Mutants::new();
    for lifecycle in all().filter(|lifecycle| lifecycle.runtimes.contains(&kind)) {
        let (_, mutation) = MUTANTS.iter().find(|(name, _)| *name == lifecycle.name).unwrap();
        let profile = match lifecycle.name {
            "relaunch" => Profile::Wrapper,
            _ => Profile::Interface,
        };
        let result = result_of(&mutants, lifecycle, kind, profile, version, Some(mutation));
        assert_eq!(
            result.verdict,
            Verdict::Fail,
            "{} with {kind} on the mutant of {mutation}: {result:#?}",
            lifecycle.name
        );
        assert!(result.finding.is_some() && result.exchange.is_some(), "{result:#?}");
    }
}

#[test]
fn every_lifecycle_with_libcni_fails_its_mutant() {
    each_fails_its_mutant(RuntimeKind::Libcni, SpecVersion::V1_1_0);
}

#[test]
fn every_lifecycle_with_mesos_fails_its_mutant() {
    each_fails_its_mutant(RuntimeKind::Mesos, SpecVersion::V0_1_0);
}

#[test]
fn every_lifecycle_has_a_mutant() {
    let names: Vec<&str> = all().map(|lifecycle| lifecycle.name).collect();
    let mut with_mutant: Vec<&str> = MUTANTS.iter().map(|(name, _)| *name).collect();
    with_mutant.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, with_mutant);
}

#[test]
fn mesos_reports_that_it_reads_no_address() {
    let mutants = Mutants::new();
    let mut subject = mutants.subject(Profile::Interface, None);
    subject.config.insert("cniVersion".to_owned(), "1.0.0".into());
    let setup = Setup::of_subject(RuntimeKind::Mesos, subject, SpecVersion::NEWEST, LIMIT).unwrap();
    let plain = all().next().unwrap();
    let result = run_lifecycle(plain, &setup).0;
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
    let note = result.steps[0].note.as_deref();
    assert_eq!(note, Some("Mesos reads no address in the result"));
}

fn command(words: &[&str]) -> (Option<i32>, String) {
    let output: Output =
        Command::new(env!("CARGO_BIN_EXE_cni-conformance")).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_command_prints_each_step_and_has_the_exit_status_of_run() {
    let mutants = Mutants::new();
    let plugin = |mutation| mutants.subject(Profile::Ipam, mutation).plugin.display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
    let lifecycle = |mutation, names| {
        let plugin = plugin(mutation);
        command(&[
            "lifecycle",
            &plugin,
            "--profile",
            "ipam",
            "--config",
            config,
            "--lifecycles",
            names,
        ])
    };
    let (code, text) = lifecycle(None, "plain,repeated-del");
    assert_eq!(code, Some(0), "{text}");
    for part in ["✔ plain", "✔ ADD of undone", "✔ CHECK of undone", "2 lifecycles: 2 pass"] {
        assert!(text.contains(part), "missing {part:?} in:\n{text}");
    }
    let (code, text) = lifecycle(Some("del.twice-succeeds"), "repeated-del");
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "✔ DEL of twice\n",
        "✘ DEL of twice, a second time",
        "expected  DEL of twice, a second time: success",
        "there is nothing to delete",
        "CNI_COMMAND=DEL",
        "stdin  {",
        "manually  printf %s '",
        "reproduce cni-conformance lifecycle ",
        " --runtime libcni --lifecycles repeated-del ",
    ] {
        assert!(text.contains(part), "missing {part:?} in:\n{text}");
    }
    assert_eq!(lifecycle(None, "no-such-lifecycle").0, Some(3));
    let (code, text) = command(&["lifecycle", "/bin/false", "--lifecycles", "plain"]);
    assert_eq!(code, Some(2), "{text}");
    let (code, text) = command(&[
        "lifecycle",
        &plugin(None),
        "--runtime",
        "mesos",
        "--profile",
        "ipam",
        "--config",
        config,
        "--lifecycles",
        "out-of-order",
    ]);
    assert_eq!(code, Some(3), "nothing was tested: {text}");
}

#[test]
fn the_command_prints_the_steps_with_their_times_as_json() {
    let mutants = Mutants::new();
    let subject = mutants.subject(Profile::Ipam, Some("del.twice-succeeds"));
    let plugin = subject.plugin.display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
    let names = "plain,repeated-del,relaunch";
    let (code, text) = command(&[
        "lifecycle",
        &plugin,
        "--profile",
        "ipam",
        "--config",
        config,
        "--lifecycles",
        names,
        "--json",
    ]);
    assert_eq!(code, Some(1), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["runtime"], "libcni");
    assert_eq!(report["counts"], json!({ "pass": 1, "fail": 1, "skip": 1, "broken": 0 }));
    let lifecycles = report["lifecycles"].as_array().unwrap();
    let [plain, repeated, relaunch] = lifecycles.as_slice() else { panic!("{report:#}") };
    let steps = plain["steps"].as_array().unwrap();
    assert_eq!(steps[0]["what"], "ADD of undone");
    let times: Vec<_> = steps.iter().map(|step| step["atMillis"].as_u64().unwrap()).collect();
    assert!(times.is_sorted() && times.last() <= plain["millis"].as_u64().as_ref(), "{plain:#}");
    assert_eq!(repeated["verdict"], "fail");
    assert_eq!(repeated["steps"][2]["passed"], false);
    assert_eq!(repeated["finding"]["expected"], "DEL of twice, a second time: success");
    assert_eq!(repeated["call"]["environment"]["CNI_COMMAND"], "DEL");
    assert_eq!(relaunch["note"], "this cannot occur in libcni");
}

#[test]
fn mistakes_on_the_command_line_are_reported() {
    for (words, part) in [
        (vec!["life", "bridge"], "`life` is now called `lifecycle`"),
        (vec!["lifecycle", "bridge", "--lives", "plain"], "`--lives` is now called `--lifecycles`"),
        (vec!["lifecycle"], "<PLUGIN|NETCONF>"),
        (vec!["lifecycle", "bridge", "ptp"], "unexpected argument 'ptp'"),
        (vec!["lifecycle", "bridge", "--runtime", "docker"], "[possible values: libcni, mesos]"),
        (vec!["lifecycle", "bridge", "--json", "--keep"], "cannot be used with"),
        (vec!["lifecycle", "bridge", "--valid", "c1"], "unexpected argument '--valid'"),
        (vec!["lifecycle", "net.conflist", "--spec", "1.0.0"], "defines this itself"),
        (vec!["lifecycle", "no-such.conflist"], "error reading no-such.conflist"),
        (
            vec!["lifecycle", "/bin/sh", "--runtime", "mesos", "--spec", "1.0.0"],
            "Mesos sends no version",
        ),
        (
            vec!["lifecycle", "/bin/sh", "--runtime", "mesos", "--profile", "chained"],
            "Mesos does not support chained plugins",
        ),
    ] {
        let (code, text) = command(&words);
        assert_eq!(code, Some(2), "{words:?}: {text}");
        assert!(text.contains(part), "{words:?}: {text}");
    }
}
