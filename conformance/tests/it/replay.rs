//! A recording around Debian's bridge, replayed with bridge and with plugins that deviate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cni_test_kit::{Behaviour, CallBuilder, Host, PluginDir, Script, plugin_binary};
use serde_json::{Value, json};

const PLUGINS: &str = "/usr/lib/cni";

/// A recording of cni-trace around bridge: two containers, a failed CHECK, DEL twice.
struct Recorded {
    directory: PluginDir,
}

impl Recorded {
    fn new() -> Self {
        let directory = PluginDir::new();
        let host = Host::new();
        let trace = plugin_binary("cni-trace", "cni-trace");
        let [first, second] = ["c1", "c2"].map(|name| host.container(name));
        let add = CallBuilder::add("net").cni_path(PLUGINS).config(config(&directory));
        let of_first = add.clone().container(&first);
        let result = of_first.run(&trace).expect_success().json();
        add.container(&second).run(&trace).expect_success();
        let check = of_first.key("prevResult", result).as_verb("CHECK");
        check.run(&trace).expect_success();
        first.run("ip link del eth0");
        check.run(&trace).error();
        let del = check.as_verb("DEL").without_netns();
        del.run(&trace).expect_success();
        del.run(&trace).expect_success();
        Self { directory }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("trace.jsonl")
    }
}

fn config(directory: &PluginDir) -> Value {
    json!({
        "cniVersion": "1.0.0", "recordingFile": directory.path().join("trace.jsonl"),
        "delegate": {
            "type": "bridge", "bridge": "br0", "isGateway": true,
            "ipam": {
                "type": "host-local", "subnet": "10.22.0.0/24", "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    })
}

fn replay(recording: &Path, plugin: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cni-conformance"));
    let output = command.arg("replay").arg(recording).arg(plugin).args(more).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Output { status, stdout, stderr } = &output;
    (status.code(), text(stdout) + &text(stderr))
}

#[test]
fn bridge_answers_like_bridge_except_for_outside_changes() {
    let recorded = Recorded::new();
    let (status, text) = replay(&recorded.file(), "bridge", &[]);
    // The link is not removed this time, so that the second CHECK succeeds.
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("✘ CHECK c1/eth0@net\n    outcome    recorded: error "), "{text}");
    assert!(text.contains("now:      success"), "{text}");
    assert!(text.ends_with("\n6 calls: 5 alike, 1 different\n"), "{text}");

    let lines = fs::read_to_string(recorded.file()).unwrap();
    let undisturbed: Vec<&str> =
        lines.lines().enumerate().filter(|(index, _)| *index != 3).map(|(_, line)| line).collect();
    fs::write(recorded.file(), undisturbed.join("\n")).unwrap();
    let (status, text) = replay(&recorded.file(), "bridge", &[]);
    assert_eq!(status, Some(0), "{text}");
    for line in ["✔ ADD c1/eth0@net", "✔ ADD c2/eth0@net", "✔ DEL c1/eth0@net"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.ends_with("\n5 calls: 5 alike, 0 different\n"), "{text}");
}

#[test]
fn a_deviation_is_printed_with_the_recorded_and_the_new_answer() {
    let recorded = Recorded::new();
    let (status, text) = replay(&recorded.file(), "ptp", &["--json"]);
    assert_eq!(status, Some(1), "{text}");
    let report: Value = serde_json::from_str(&text).expect("one document");
    let add = &report["calls"][0];
    assert_eq!((&add["call"], &add["alike"]), (&json!("ADD c1/eth0@net"), &json!(false)));
    let [difference, ..] = add["differences"].as_array().unwrap().as_slice() else {
        panic!("{add}")
    };
    let expected = json!({
        "what": "interfaces",
        "recorded": "eth0 in the container, br0, veth* on the host",
        "seen": "eth0 in the container, veth* on the host",
    });
    assert_eq!(difference, &expected);
    assert_eq!(add["exchange"]["environment"]["CNI_CONTAINERID"], "c1");

    let failing = PluginDir::new()
        .with("mine", &Script::succeed().on("ADD", Behaviour::error(11, "no address left")));
    let mine = failing.program("mine").display().to_string();
    let (status, text) = replay(&recorded.file(), &mine, &[]);
    assert_eq!(status, Some(1), "{text}");
    for part in
        ["✘ ADD c1/eth0@net", "now:      error 11", "output     exit 1: code 11: no address left"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let calls = failing.calls("mine");
    assert_eq!(calls.len(), 6);
    let netns = |index: usize| calls[index].environment.get("CNI_NETNS").cloned();
    assert_eq!(calls[0].config.as_ref().unwrap()["type"], "mine");
    assert!(netns(0) != netns(1) && netns(0) == netns(2), "a namespace for each container");
    assert_eq!(netns(4), None, "as it was recorded");
}

#[test]
fn recordings_and_plugins_that_cannot_be_used_are_refused() {
    let recorded = Recorded::new();
    let none = replay(&recorded.file(), "bridge", &["--network", "other"]);
    assert_eq!(none.0, Some(3), "{}", none.1);
    for (file, plugin, expected) in [
        (recorded.file(), "no-such-plugin", "plugin no-such-plugin not found"),
        (recorded.file().with_file_name("gone"), "bridge", "cannot read "),
        (
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"),
            "bridge",
            "line 1 was not written by cni-trace",
        ),
    ] {
        let (status, text) = replay(&file, plugin, &[]);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains(expected), "{text}");
    }
    let (status, text) = replay(&recorded.file(), "bridge", &["--prepare", "exit 7"]);
    assert_eq!(status, Some(2), "{text}");
}
