//! Failures that are not due to the plugin are no verdict on it, and damage to the fixture does not
//! help it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::script::Script;
use cni_conformance::run::case::run_case;
use cni_conformance::run::record::Record;
use cni_conformance::spec::cases;
use cni_conformance::{Subject, Verdict};
use cni_protocol::SpecVersion;
use serde_json::json;

fn record(subject: &Subject, case: &str) -> Record {
    let case = cases::find(case).unwrap();
    run_case(case, subject, SpecVersion::V1_0_0, Duration::from_secs(30)).0
}

#[test]
fn a_failed_preparation_is_broken_and_means_could_not_test() {
    let plugin = Script::new(":");
    let mut subject = plugin.subject();
    subject.prepare = Some("echo no such uplink >&2; exit 3".to_owned());
    let record = record(&subject, "del.twice-succeeds");
    let note = record.note.unwrap_or_default();
    assert_eq!(record.verdict, Verdict::Broken, "{note}");
    assert!(note.contains("no such uplink"), "{note}");

    let file = plugin.plugin().with_extension("json");
    let subject = json!({
        "plugin": plugin.plugin(), "profile": "ipam", "config": {}, "prepare": subject.prepare,
    });
    fs::write(&file, subject.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
    let output = command.args(["run", "--subject"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no such uplink"), "{text}");
}

#[test]
fn a_plugin_that_damages_the_fixture_does_not_pass() {
    for script in [
        "umount $CNI_NETNS; rm -f $CNI_NETNS",
        "umount -l /run/netns; rm -rf /run/netns",
        "umount -l /run",
        "ip link set lo down",
    ] {
        let plugin = Script::new(&format!("[ $CNI_CONTAINERID = warm ] || {{ {script}\n}}"));
        let record = record(&plugin.subject(), "del.undoes-add");
        let actual = (record.verdict, record.finding, record.note);
        assert!(matches!(actual.0, Verdict::Warn | Verdict::Broken), "{script}: {actual:?}");
    }
}

#[test]
fn a_preparation_may_start_a_daemon() {
    let plugin = Script::new(":");
    let mut subject = plugin.subject();
    subject.prepare = Some("sleep 86397 &".to_owned());
    // The second one waits until no other process runs.
    for case in ["del.twice-succeeds", "concurrency.killed-add-is-cleaned"] {
        let record = record(&subject, case);
        assert_eq!(record.verdict, Verdict::Pass, "{case}: {:?} {:?}", record.finding, record.note);
    }
}
