//! The action for GitHub's workflows, run as its runner runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cni_conformance::Profile;
use cni_test_kit::TempDir;
use serde_json::json;

use crate::support::Mutants;

fn action(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("action").join(file)
}

/// Runs the script with a mutant of DEL, and returns the exit status, the step's summary and its
/// outputs.
fn judge(mutation: Option<&str>, baseline: &str) -> (Option<i32>, String, String) {
    let (mutants, temporary) = (Mutants::new(), TempDir::new());
    let file = |name: &str| temporary.path().join(name);
    let subject = mutants.subject(Profile::Ipam, mutation);
    let description = json!({
        "plugin": subject.plugin, "profile": "ipam", "config": {"ipam": {"type": "mutant.ipam"}},
    });
    fs::write(file("subject.json"), description.to_string()).unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_cni-conformance")).parent().unwrap().display();
    let path = format!("{bin}:/usr/sbin:/usr/bin:/sbin:/bin");
    let output = Command::new("sh")
        .arg(action("judge.sh"))
        .env_clear()
        .env("PATH", path)
        .env("RUNNER_TEMP", temporary.path())
        .env("GITHUB_STEP_SUMMARY", file("summary"))
        .env("GITHUB_OUTPUT", file("output"))
        .env("SUBJECT", file("subject.json"))
        .env("BASELINE", baseline)
        .env("LEVEL", "must")
        .env("ARGUMENTS", "del.twice del.prints --spec 1.1.0")
        .output()
        .unwrap();
    let read = |name| fs::read_to_string(file(name)).unwrap_or_default();
    let outputs = read("output");
    for line in outputs.lines() {
        let (_, path) = line.split_once('=').unwrap();
        assert!(Path::new(path).is_file() || baseline == "none.json", "{line}");
    }
    (output.status.code(), read("summary"), outputs)
}

#[test]
fn the_action_has_the_report_as_summary_and_the_exit_status_of_the_run() {
    let (code, summary, outputs) = judge(None, "");
    assert_eq!(code, Some(0), "{summary}");
    assert!(summary.contains("CNI conformance"), "{summary}");
    assert!(outputs.starts_with("json=/") && outputs.contains("\njunit=/"), "{outputs}");
    let (code, summary, _) = judge(Some("del.twice-succeeds"), "");
    assert_eq!(code, Some(1));
    assert!(summary.contains("del.twice-succeeds"), "{summary}");
    let (code, summary, _) = judge(None, "none.json");
    assert_eq!((code, summary.as_str()), (Some(2), ""), "a baseline that does not exist");
}

/// The runner passes the script what the action's `env` says.
#[test]
fn the_action_passes_every_variable_that_its_script_reads() {
    let [definition, script] =
        ["action.yml", "judge.sh"].map(|file| fs::read_to_string(action(file)).unwrap());
    for variable in ["SUBJECT", "BASELINE", "LEVEL", "ARGUMENTS"] {
        let input = variable.to_ascii_lowercase();
        let passed = format!("        {variable}: ${{{{ inputs.{input} }}}}\n");
        assert!(definition.contains(&passed), "{passed}");
        assert!(definition.contains(&format!("  {input}:\n    description: ")), "{input}");
        assert!(script.contains(&format!("${variable}")), "{variable}");
    }
    for output in ["json", "junit"] {
        assert!(definition.contains(&format!("${{{{ steps.judge.outputs.{output} }}}}")));
        assert!(script.contains(&format!("\"{output}=${output}\"")));
    }
}
