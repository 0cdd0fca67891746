//! Lives: the honest plugin survives all of them, and each catches a plugin that commits a sin that matters in it.

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

const LIMIT: Duration = Duration::from_secs(60);

fn lived(
    mutants: &Mutants,
    life: &Lifecycle,
    kind: RuntimeKind,
    profile: Profile,
    version: SpecVersion,
    sin: Option<&str>,
) -> LifecycleResult {
    let cast = Setup::of_subject(kind, mutants.subject(profile, sin), version, LIMIT).unwrap();
    run_lifecycle(life, &cast).0
}

fn survives_everything(kind: RuntimeKind, profile: Profile, version: SpecVersion) {
    let mutants = Mutants::new();
    let mut passed = 0;
    for life in all() {
        let lived = lived(&mutants, life, kind, profile, version, None);
        let fine = matches!(lived.verdict, Verdict::Pass | Verdict::Skip);
        assert!(fine, "{} with {kind}, {profile}, {version}: {lived:#?}", life.name);
        passed += usize::from(lived.verdict == Verdict::Pass);
    }
    let least = if kind == RuntimeKind::Mesos { 8 } else { 11 };
    assert!(passed >= least, "only {passed} lives were played");
}

#[test]
fn the_honest_interface_plugin_survives_all_lives() {
    survives_everything(RuntimeKind::Libcni, Profile::Interface, SpecVersion::V1_1_0);
    survives_everything(RuntimeKind::Mesos, Profile::Interface, SpecVersion::V0_1_0);
}

#[test]
fn the_honest_chained_plugin_survives_all_lives() {
    survives_everything(RuntimeKind::Libcni, Profile::Chained, SpecVersion::V1_1_0);
}

#[test]
fn the_honest_wrapper_survives_all_lives() {
    survives_everything(RuntimeKind::Libcni, Profile::Wrapper, SpecVersion::V0_4_0);
    survives_everything(RuntimeKind::Mesos, Profile::Wrapper, SpecVersion::V0_1_0);
}

#[test]
fn the_honest_ipam_plugin_survives_all_lives() {
    survives_everything(RuntimeKind::Libcni, Profile::Ipam, SpecVersion::V1_1_0);
    survives_everything(RuntimeKind::Mesos, Profile::Ipam, SpecVersion::V0_1_0);
}

/// A life, and the sin that it has to catch in an interface plugin.
const SINS: [(&str, &str); 13] = [
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
];

fn catches_its_sin(kind: RuntimeKind, version: SpecVersion) {
    let mutants = Mutants::new();
    for life in all().filter(|life| life.runtimes.contains(&kind)) {
        let (_, sin) = SINS.iter().find(|(name, _)| *name == life.name).unwrap();
        let lived = lived(&mutants, life, kind, Profile::Interface, version, Some(sin));
        assert_eq!(
            lived.verdict,
            Verdict::Fail,
            "{} with {kind} misses {sin}: {lived:#?}",
            life.name
        );
        assert!(lived.finding.is_some() && lived.exchange.is_some(), "{lived:#?}");
    }
}

#[test]
fn every_life_with_libcni_catches_its_sin() {
    catches_its_sin(RuntimeKind::Libcni, SpecVersion::V1_1_0);
}

#[test]
fn every_life_with_mesos_catches_its_sin() {
    catches_its_sin(RuntimeKind::Mesos, SpecVersion::V0_1_0);
}

#[test]
fn every_life_has_a_sin() {
    let lives: Vec<&str> = all().map(|life| life.name).collect();
    let mut sins: Vec<&str> = SINS.iter().map(|(name, _)| *name).collect();
    sins.sort_unstable();
    let mut sorted = lives.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, sins);
}

#[test]
fn mesos_says_when_it_reads_no_address() {
    let mutants = Mutants::new();
    let mut subject = mutants.subject(Profile::Interface, None);
    subject.config.insert("cniVersion".to_owned(), "1.0.0".into());
    let cast = Setup::of_subject(RuntimeKind::Mesos, subject, SpecVersion::NEWEST, LIMIT).unwrap();
    let plain = all().next().unwrap();
    let lived = run_lifecycle(plain, &cast).0;
    assert_eq!(lived.verdict, Verdict::Pass, "{lived:#?}");
    let note = lived.steps[0].note.as_deref();
    assert_eq!(note, Some("Mesos reads no address in the result"));
}

fn command(words: &[&str]) -> (Option<i32>, String) {
    let output: Output =
        Command::new(env!("CARGO_BIN_EXE_cni-conformance")).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn the_command_prints_each_step_and_ends_with_the_exit_status_of_run() {
    let mutants = Mutants::new();
    let plugin = |sin| mutants.subject(Profile::Ipam, sin).plugin.display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}}"#;
    let lifecycle = |sin, names| {
        let plugin = plugin(sin);
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
        assert!(text.contains(part), "{part} is not in:\n{text}");
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
        assert!(text.contains(part), "{part} is not in:\n{text}");
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
    assert_eq!(code, Some(3), "nothing was looked at: {text}");
}

#[test]
fn wrong_command_lines_are_refused() {
    for (words, part) in [
        (vec!["life", "bridge"], "`life` is now called `lifecycle`"),
        (vec!["lifecycle", "bridge", "--lives", "plain"], "`--lives` is now called `--lifecycles`"),
        (vec!["lifecycle"], "<PLUGIN|NETCONF>"),
        (vec!["lifecycle", "bridge", "ptp"], "unexpected argument 'ptp'"),
        (vec!["lifecycle", "bridge", "--runtime", "docker"], "[possible values: libcni, mesos]"),
        (vec!["lifecycle", "bridge", "--valid", "c1"], "unexpected argument '--valid'"),
        (vec!["lifecycle", "net.conflist", "--spec", "1.0.0"], "defines this itself"),
        (vec!["lifecycle", "no-such.conflist"], "error reading no-such.conflist"),
        (
            vec!["lifecycle", "/bin/sh", "--runtime", "mesos", "--spec", "1.0.0"],
            "Mesos sends no version",
        ),
        (
            vec!["lifecycle", "/bin/sh", "--runtime", "mesos", "--profile", "chained"],
            "no plugin after another",
        ),
    ] {
        let (code, text) = command(&words);
        assert_eq!(code, Some(2), "{words:?}: {text}");
        assert!(text.contains(part), "{words:?}: {text}");
    }
}
