//! Leftovers of a plugin are found, and neither it nor the harness leaves anything on the machine.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::script::Script;
use cni_conformance::Verdict;
use cni_conformance::run::case::run_case;
use cni_conformance::spec::cases;
use cni_protocol::SpecVersion;
use cni_test_kit::{TempDir, wait_until};

/// Returns the verdict on a plugin that runs a script in ADD and nothing in DEL, and its leftovers.
fn leftovers_of(script: &str) -> (Verdict, String) {
    let (plugin, case) = (Script::new(script), cases::find("del.undoes-add").unwrap());
    let limit = Duration::from_secs(30);
    let (record, _) = run_case(case, &plugin.subject(), SpecVersion::V1_0_0, limit);
    let found = record.finding.map(|finding| finding.actual).or(record.note);
    (record.verdict, found.unwrap_or_default())
}

#[test]
fn a_plugin_that_leaves_nothing_passes() {
    assert_eq!(leftovers_of(":"), (Verdict::Pass, String::new()));
}

#[test]
fn each_kind_of_leftover_is_found() {
    for (script, leftover) in [
        ("setsid sleep 4711 >/dev/null 2>&1 </dev/null &", "+ process: sleep 4711"),
        ("echo x >/run/left-$CNI_CONTAINERID", "+ files: /run/left-"),
        ("echo x >/var/lib/cni/left-$CNI_CONTAINERID", "+ files: /var/lib/cni/left-"),
        ("echo x >/tmp/left-$CNI_CONTAINERID", "+ files: /tmp/left-"),
        ("ip link add l-$CNI_CONTAINERID type bridge", "+ links: l-"),
        ("ip address add 10.9.9.9/32 dev lo", "+ addresses: lo 10.9.9.9/32"),
        ("ip route add 10.9.9.0/24 dev lo", "+ routes: 10.9.9.0/24 dev lo"),
        ("ip rule add from 10.9.9.9 lookup 9", "from 10.9.9.9 lookup 9"),
        ("ip -n \"${CNI_NETNS##*/}\" link add left type bridge", "+ links: left"),
        ("iptables-nft -A INPUT -s 10.9.9.9 -j DROP", "-A INPUT -s 10.9.9.9/32 -j DROP"),
        ("iptables-legacy -A INPUT -s 10.9.9.9 -j DROP", "-A INPUT -s 10.9.9.9/32 -j DROP"),
        ("nft add table inet left", "+ nft: table inet left {"),
        ("echo 1 >/proc/sys/net/ipv4/conf/lo/proxy_arp", "conf/lo/proxy_arp:1"),
        ("echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6", "conf/lo/disable_ipv6:1"),
    ] {
        // Not in the ADD that creates what attachments share.
        let (verdict, found) =
            leftovers_of(&format!("[ $CNI_CONTAINERID = warm ] || {{ {script}\n}}"));
        assert_eq!(verdict, Verdict::Warn, "{script}: {found}");
        assert!(found.contains(leftover), "{script}: missing {leftover} in:\n{found}");
    }
    let mut entries = fs::read_dir("/tmp").unwrap().flatten();
    let leftover = entries.find(|entry| entry.file_name().to_string_lossy().starts_with("left-"));
    assert!(leftover.is_none(), "in the machine's /tmp: {leftover:?}");
}

/// Returns the processes with this text in their command line or environment.
fn processes_with(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |file| fs::read(entry.path().join(file)).unwrap_or_default();
        let text = [read("cmdline"), read("environ")].concat();
        let text = String::from_utf8_lossy(&text).replace('\0', " ");
        if entry.file_name() != *std::process::id().to_string() && text.contains(mark) {
            found.push(text);
        }
    }
    found
}

fn kill_harness_with(signal: &str) {
    let temporary = TempDir::new();
    let plugin = Script::new("sleep 4712 & wait");
    let program = plugin.plugin().display().to_string();
    let mark = format!("CONFORMANCE_MARK={program}");
    let (key, value) = mark.split_once('=').unwrap();
    // A shell that runs tests in the background makes them ignore SIGINT.
    let mut harness = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_cni-conformance")])
        .args(["run", &program, "--profile", "ipam", "--spec", "1.0.0"])
        .env(key, value)
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let within = format!("/bin/sh {program}");
    wait_until("call of the plugin", || !processes_with(&within).is_empty());
    let id = harness.id();
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
    harness.wait().unwrap();
    // Processes that the plugin started have its directory in CNI_PATH.
    let directory = program.trim_end_matches("/script");
    wait_until("end of all processes", || processes_with(directory).is_empty());
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().flatten().collect();
    assert!(left.is_empty(), "{signal}: {left:?}");
}

#[test]
fn nothing_is_left_on_the_machine_when_the_harness_is_interrupted_or_killed() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        kill_harness_with(signal);
    }
}
