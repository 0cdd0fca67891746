//! Every command of a README runs.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use super::stage::Stage;
use super::{READMES, blocks, read, root};

/// Commands that are not run, with the reason. Where an entry ends with a blank, it is the start of
/// commands; this holds for all tables here.
const NOT_RUN: [(&str, &str); 4] = [
    ("cargo xtask test", "it runs this test"),
    ("cargo xtask conformance ", "takes minutes; cni-conformance's tests compare with the reports"),
    ("cargo test -p cni-conformance ", "cargo xtask test runs these tests"),
    ("systemctl enable ", "a throw-away host has no systemd; the port mapper's tests run the unit"),
];

/// Commands of which only a part is run, so that they take seconds: with these words added.
const SHORTENED: [(&str, &str); 4] = [
    ("cni-conformance lifecycle net.conflist ", "--lifecycles plain"),
    ("cni-conformance run bridge ", "version."),
    ("cni-conformance run --subject conformance/subjects/bridge.json --report ", "version."),
    ("cni-conformance run --subject conformance/subjects/portmap.json --report ", "version."),
];

/// Commands that are to end with another exit status than 0, and why.
const OTHER_STATUS: [(&str, i32, &str); 2] = [
    ("cni-conformance run bridge ", 1, "the README shows how a deviation is reported"),
    ("cni-label-policy explain mesos.conf", 1, "the README shows how a container is denied"),
];

/// The commands of a README, those with `$` and those of root with `#`.
fn commands(file: &str) -> Vec<String> {
    let text = blocks(&read(file), "console").join("\n");
    let command =
        |line: &str| line.strip_prefix("$ ").or(line.strip_prefix("# ")).map(str::to_owned);
    text.lines().filter_map(command).collect()
}

/// The entry of a table that is about this command.
fn entry<'t, T>(table: &'t [T], command: &str, of: impl Fn(&T) -> &str) -> Option<&'t T> {
    let is_start = |entry: &str| entry.ends_with(' ') && command.starts_with(entry);
    table.iter().find(|entry| command == of(entry) || is_start(of(entry)))
}

#[test]
fn every_command_runs_or_has_a_reason_not_to() {
    let mut used = BTreeSet::new();
    let mut run = 0;
    for file in READMES {
        let mut stage = None;
        for command in commands(file) {
            if let Some((start, _)) = entry(&NOT_RUN, &command, |entry| entry.0) {
                used.insert(*start);
                continue;
            }
            run_one(file, &command, &mut stage, &mut used);
            run += 1;
        }
    }
    assert!(run >= 20, "only {run} commands were found");
    let tables = NOT_RUN.iter().map(|entry| entry.0).chain(SHORTENED.iter().map(|entry| entry.0));
    for start in tables.chain(OTHER_STATUS.iter().map(|entry| entry.0)) {
        assert!(used.contains(start), "no README has a command that begins with {start}");
    }
}

fn run_one(
    file: &str,
    command: &str,
    stage: &mut Option<Stage>,
    used: &mut BTreeSet<&'static str>,
) {
    let mut line = command.to_owned();
    if let Some((start, more)) = entry(&SHORTENED, command, |entry| entry.0) {
        used.insert(*start);
        line = format!("{line} {more}");
    }
    let mut expected = 0;
    if let Some((start, status, _)) = entry(&OTHER_STATUS, command, |entry| entry.0) {
        used.insert(*start);
        expected = *status;
    }
    let output = match line.starts_with("cargo ") {
        true => cargo(&line),
        false => stage.get_or_insert_with(Stage::new).sh(&line),
    };
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected), "{file}: {line}\n{printed}");
}

/// On the machine itself, in the checkout.
fn cargo(line: &str) -> Output {
    let mut sh = Command::new("sh");
    sh.args(["-c", line]).current_dir(root()).output().expect("a shell")
}
