//! `explain`: the calls of a case, as lines for a shell.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::support::Mutants;
use cni_conformance::Profile;

fn explain(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
    let output = command.arg("explain").args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn without_a_plugin_the_form_of_each_call_is_shown() {
    let (status, text) = explain(&["DEL-02"]);
    assert_eq!(status, Some(0), "{text}");
    for part in ["env -i CNI_COMMAND=DEL", "explain del.twice-succeeds PLUGIN --keep"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!(explain(&["no.such-case"]).0, Some(3));
    let (status, text) = explain(&["DEL-02", "no-such-plugin"]);
    assert!(status == Some(2) && text.contains("plugin no-such-plugin not found"), "{text}");
    let (status, text) = explain(&["DEL-02", "--keep"]);
    assert!(status == Some(2) && text.contains("need a plugin"), "{text}");
    let (_, text) = explain(&["chain.", "/bin/sh", "--profile", "ipam", "--spec", "1.0.0"]);
    assert!(text.contains("does not apply to a plugin of the profile ipam"), "{text}");
}

#[test]
fn the_calls_of_a_case_can_be_repeated_on_the_kept_host() {
    let mutants = Mutants::new();
    let plugin = mutants.subject(Profile::Interface, None).plugin.display().to_string();
    let config = r#"{"ipam": {"type": "mutant.ipam"}, "quote": "it's $HOME"}"#;
    let mut explaining = Command::new(env!("CARGO_BIN_EXE_cni-conformance"))
        .args(["explain", "del.undoes-add", &plugin, "--config", config, "--keep"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(explaining.stderr.take().unwrap()).lines();
    let enter = stderr.next().unwrap().unwrap();
    let enter: Vec<&str> = enter.split_whitespace().skip_while(|word| *word != "nsenter").collect();
    let mut stdout = BufReader::new(explaining.stdout.take().unwrap());
    let calls: Vec<String> = stdout
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.starts_with("    printf"))
        // ADD and DEL to warm up, then the calls of the case, and no more.
        .take(4)
        .collect();
    for (call, verb) in calls.iter().zip(["ADD", "DEL", "ADD", "DEL"]) {
        assert!(call.contains(&format!("CNI_COMMAND={verb}")) && call.contains("$HOME"), "{call}");
        let mut shell = Command::new(enter[0]);
        let output = shell.args(&enter[1..]).args(["--", "sh", "-c", call]).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{call}\n{printed}");
        assert_eq!(printed.contains("\"ips\""), verb == "ADD", "{call}\n{printed}");
    }
    drop(explaining.stdin.take());
    assert!(explaining.wait().unwrap().success());
}
