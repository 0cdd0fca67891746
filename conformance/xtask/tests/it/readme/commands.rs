//! Runs every command of the READMEs.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use super::fixture::Fixture;
use super::{READMES, blocks, read, root};

/// Commands that are not run, with the reason. An entry that ends with a space matches all commands
/// that begin with it, as in the other tables.
const NOT_RUN: [(&str, &str); 7] = [
    ("cargo xtask test", "it runs this test"),
    ("cargo xtask conformance ", "takes minutes; cni-conformance's tests compare with the reports"),
    ("cargo test -p cni-conformance ", "cargo xtask test runs these tests"),
    ("iptables -t nat -F CNI-HOSTPORT-DNAT", "a test of the port mapper runs it after portmap"),
    ("ip6tables -t nat -F CNI-HOSTPORT-DNAT", "a test of the port mapper runs it after portmap"),
    ("nft delete table ", "Debian's portmap does not create it"),
    ("systemctl enable ", "a disposable host has no systemd; the port mapper's tests run the unit"),
];

/// Commands that run with additional arguments, so that they take seconds.
const SHORTENED: [(&str, &str); 5] = [
    ("cni-conformance lifecycle net.conflist ", "--lifecycles plain"),
    ("cni-conformance run bridge ", "version."),
    ("cni-conformance run --subject conformance/subjects/bridge.json --report ", "version."),
    ("cni-conformance run --subject conformance/subjects/portmap.json --report ", "version."),
    ("cni-conformance run --subject conformance/subjects/portmap.json --baseline ", "version."),
];

/// Commands with another exit status than 0, and the reason.
const OTHER_STATUS: &[(&str, i32, &str)] = &[
    ("cni-conformance run bridge ", 1, "the README shows a deviation"),
    ("mesos-cni-port-mapper explain 8080", 1, "no container has the port on a disposable host"),
    ("mesos-cni-port-mapper explain 8080 ", 1, "no container has the port on a disposable host"),
    ("cni-label-policy explain mesos.conf", 1, "the README shows a denied container"),
];

/// Returns the commands of a README, those of users (`$`) and those of root (`#`).
fn commands(file: &str) -> Vec<String> {
    let text = blocks(&read(file), "console").join("\n");
    let command =
        |line: &str| line.strip_prefix("$ ").or(line.strip_prefix("# ")).map(str::to_owned);
    text.lines().filter_map(command).collect()
}

/// Returns the entry of a table for this command.
fn entry<'t, T>(table: &'t [T], command: &str, of: impl Fn(&T) -> &str) -> Option<&'t T> {
    let is_start = |entry: &str| entry.ends_with(' ') && command.starts_with(entry);
    table.iter().find(|entry| command == of(entry) || is_start(of(entry)))
}

#[test]
fn every_command_runs_or_is_listed_with_a_reason() {
    let mut used = BTreeSet::new();
    let mut run = 0;
    for file in READMES {
        let mut fixture = None;
        for command in commands(file) {
            if let Some((start, _)) = entry(&NOT_RUN, &command, |entry| entry.0) {
                used.insert(*start);
                continue;
            }
            run_one(file, &command, &mut fixture, &mut used);
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
    fixture: &mut Option<Fixture>,
    used: &mut BTreeSet<&'static str>,
) {
    let mut line = command.to_owned();
    if let Some((start, more)) = entry(&SHORTENED, command, |entry| entry.0) {
        used.insert(*start);
        line = format!("{line} {more}");
    }
    let mut expected = 0;
    if let Some((start, status, _)) = entry(OTHER_STATUS, command, |entry| entry.0) {
        used.insert(*start);
        expected = *status;
    }
    let output = match line.starts_with("cargo ") {
        true => cargo(&line),
        false => fixture.get_or_insert_with(Fixture::new).sh(&line),
    };
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(expected), "{file}: {line}\n{printed}");
}

/// Runs a command on the machine itself, in the checkout.
fn cargo(line: &str) -> Output {
    let mut sh = Command::new("sh");
    sh.args(["-c", line]).current_dir(root()).output().expect("a shell")
}
