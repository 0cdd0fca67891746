//! What a plugin leaves behind is found, and neither it nor the harness leaves anything on the machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::script::Script;
use cni_conformance::Verdict;
use cni_conformance::run::case::run_case;
use cni_conformance::spec::cases;
use cni_protocol::SpecVersion;

/// What a plugin leaves that does this in ADD and nothing in DEL.
fn left_by(script: &str) -> (Verdict, String) {
    let (plugin, case) = (Script::new(script), cases::find("del.undoes-add").unwrap());
    let limit = Duration::from_secs(30);
    let (record, _) = run_case(case, &plugin.subject(), SpecVersion::V1_0_0, limit);
    let seen = record.finding.map(|finding| finding.actual).or(record.note);
    (record.verdict, seen.unwrap_or_default())
}

#[test]
fn a_plugin_that_leaves_nothing_passes() {
    assert_eq!(left_by(":"), (Verdict::Pass, String::new()));
}

#[test]
fn each_kind_of_leftover_is_found() {
    for (script, told) in [
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
        // Not in the ADD by which all that attachments share is made beforehand.
        let (verdict, seen) = left_by(&format!("[ $CNI_CONTAINERID = warm ] || {{ {script}\n}}"));
        assert_eq!(verdict, Verdict::Fail, "{script}: {seen}");
        assert!(seen.contains(told), "{script}: {told} is not in:\n{seen}");
    }
    assert!(!Path::new("/tmp/left-c1").exists(), "the machine's /tmp is untouched");
}

/// The processes that name this in their command line or environment.
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

fn waited_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 120 s: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn ended_by(signal: &str) {
    let plugin = Script::new("sleep 4712 & wait");
    let program = plugin.plugin().display().to_string();
    let mark = format!("CONFORMANCE_MARK={program}");
    let (key, value) = mark.split_once('=').unwrap();
    // A shell that runs tests in the background lets them ignore an interrupt.
    let mut harness = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_cni-conformance")])
        .args(["run", &program, "--profile", "ipam", "--spec", "1.0.0"])
        .env(key, value)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let within = format!("/bin/sh {program}");
    waited_for("a call of the plugin", || !processes_with(&within).is_empty());
    let id = harness.id();
    let scratch = format!("cni-conformance-{id}");
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
    harness.wait().unwrap();
    // What the plugin started has its directory in CNI_PATH.
    let directory = program.trim_end_matches("/script");
    waited_for("the end of all processes", || processes_with(directory).is_empty());
    let mut files = fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let left = files.find(|file| file.file_name().to_string_lossy().starts_with(&scratch));
    assert!(left.is_none(), "{signal}: {left:?}");
}

#[test]
fn nothing_is_left_on_the_machine_when_the_harness_is_interrupted_or_killed() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        ended_by(signal);
    }
}
