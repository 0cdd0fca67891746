//! Conformance checks in `cargo test`, for authors of plugins.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cni_conformance::{Check, Profile};
use cni_protocol::SpecVersion;
use cni_test_kit::TempDir;

use crate::support::Mutants;

/// Returns a check of the IPAM plugin, or of a mutant of it, in one version.
fn check(mutants: &Mutants, mutation: Option<&str>) -> Check {
    Check::of(mutants.subject(Profile::Ipam, mutation)).versions(&[SpecVersion::V1_0_0])
}

/// Returns the failure message of a test with this check.
fn failure(check: Check) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(check.run()))).unwrap_err();
    panic.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn a_conforming_plugin_passes() {
    let mutants = Mutants::new();
    let report = check(&mutants, None).only(&["del.twice", "version."]).run();
    assert!(report.records.len() > 5);
}

#[test]
fn a_violation_fails_the_test_with_all_details() {
    let mutants = Mutants::new();
    let violating = check(&mutants, Some("del.twice-succeeds")).only(&["del."]);
    let text = failure(violating);
    for part in [
        "mutant.ipam.del.twice-succeeds does not conform",
        "✘ del.twice-succeeds",
        "expected  DEL a second time: exit 0",
        "reproduce CNI_CONFORMANCE_ONLY=del.twice-succeeds cargo test",
    ] {
        assert!(text.contains(part), "missing {part:?} in:\n{text}");
    }
    assert!(!text.contains("✔"), "cases that passed are listed:\n{text}");
}

#[test]
fn a_violated_convention_fails_the_test_unless_the_level_is_higher() {
    let mutants = Mutants::new();
    let violating = || check(&mutants, Some("del.prints-nothing")).only(&["del.prints-nothing"]);
    assert!(failure(violating()).contains("! del.prints-nothing"));
    violating().level(cni_conformance::severity::Severity::Must).run();
}

#[test]
fn a_known_deviation_passes_and_an_outdated_one_fails() {
    let mutants = Mutants::new();
    let known = |mutation| {
        check(&mutants, mutation).only(&["del.twice"]).known("del.twice-succeeds", "old")
    };
    known(Some("del.twice-succeeds")).run();
    let text = failure(known(None));
    assert!(text.contains("del.twice-succeeds is a known deviation, but did not occur"), "{text}");
}

#[test]
fn a_verdict_better_or_worse_than_the_committed_one_fails() {
    let mutants = Mutants::new();
    let directory = TempDir::new();
    let path = directory.path().join("verdicts.json");
    let text = failure(check(&mutants, None).only(&["del.twice"]).verdicts_in(&path));
    assert!(text.contains("cannot read") && text.contains("CNI_CONFORMANCE_UPDATE=1"), "{text}");
    for (kept, expected) in
        [("pass", None), ("warn", Some("del.twice-succeeds in 1.0.0: was warn, is now pass"))]
    {
        let verdicts = format!(
            r#"{{"plugin": "mutant.ipam", "profile": "ipam", "versions": ["1.0.0"],
                "cases": {{"del.twice-succeeds": {{"{kept}": ["1.0.0"]}}}}}}"#
        );
        fs::write(&path, verdicts).unwrap();
        let check = check(&mutants, None).only(&["del.twice"]).verdicts_in(&path);
        match expected {
            None => drop(check.run()),
            Some(part) => {
                let text = failure(check);
                assert!(text.contains(part), "{text}");
            }
        }
    }
}

#[test]
fn a_check_that_runs_nothing_or_cannot_run_fails() {
    let mutants = Mutants::new();
    assert!(failure(check(&mutants, None).only(&["chain."])).contains("no case ran"));
    let missing = failure(cni_conformance::check("there-is-no-such-plugin"));
    assert!(missing.contains("plugin there-is-no-such-plugin not found"), "{missing}");
}
