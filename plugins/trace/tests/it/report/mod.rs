//! The command `report`: the page in a real browser, and the command line.

mod command;
mod page;
mod picture;
mod size;

use std::fmt::Write;
use std::process::{Command, Output};

use cni_test_kit::{Page, TempDir};
use serde_json::{Value, json};

use crate::common::plugin;

/// When the first call of these recordings begins.
const MINUTE: &str = "2026-11-30T10:20";

/// Returns a line as `cni-trace` writes it: a call that begins `second` seconds after the first.
fn call(verb: &str, id: &str, second: u32, micros: u64) -> Value {
    let time = |micros: u32| format!("{MINUTE}:{second:02}.{micros:06}Z");
    let config = json!({"cniVersion": "1.1.0", "name": "net", "type": "cni-trace", "mtu": 1400});
    json!({
        "format": 1, "time": time(0), "pid": 4711, "verb": verb, "network": "net",
        "containerId": id, "ifname": "eth0", "netns": format!("/run/netns/{id}"),
        "position": "wrapper", "cniVersion": "1.1.0",
        "environment": {"CNI_COMMAND": verb, "CNI_CONTAINERID": id, "CNI_IFNAME": "eth0"},
        "config": config,
        "delegates": [
            {"time": time(500), "type": "bridge", "verb": verb, "cniVersion": "1.1.0",
                "config": {"type": "bridge"}, "micros": micros / 2, "stderr": "bridge was here\n"},
            {"time": time(700), "type": "tuning", "verb": verb, "cniVersion": "1.1.0",
                "config": {"type": "tuning"}, "micros": micros / 4},
        ],
        "micros": micros,
    })
}

/// Returns a call that failed in its second delegate.
fn failed(mut call: Value, code: u32, msg: &str) -> Value {
    let error = json!({"cniVersion": "1.1.0", "code": code, "msg": msg});
    call["error"] = error.clone();
    call["delegates"][1]["error"] = error;
    call
}

/// Returns an ADD with a result, a failed ADD, a slow DEL, and a GC.
fn few() -> Vec<Value> {
    let mut add = call("ADD", "c1", 0, 40_000);
    add["result"] = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]});
    let mut gc = call("GC", "", 40, 900);
    for key in ["containerId", "ifname", "netns"] {
        gc[key] = Value::Null;
    }
    let bad = failed(call("ADD", "c2", 1, 20_000), 11, "no address is left");
    vec![add, bad, call("DEL", "c1", 30, 2_500_000), gc]
}

fn text(lines: &[Value]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{line}");
        text
    })
}

/// Runs the command in a directory with the recording `trace.jsonl`.
fn report(recording: &str, args: &[&str]) -> (TempDir, Output) {
    let directory = TempDir::new();
    std::fs::write(directory.path().join("trace.jsonl"), recording).unwrap();
    let mut command = Command::new(plugin());
    command.arg("report").args(args).current_dir(directory.path()).env_remove("CNI_COMMAND");
    let output = command.output().unwrap();
    (directory, output)
}

/// Returns the page of a recording.
fn html(lines: &[Value]) -> String {
    let (_directory, output) = report(&text(lines), &["trace.jsonl"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn open(lines: &[Value]) -> Page {
    Page::open(&html(lines), 1280, false)
}

fn content(page: &mut Page) -> String {
    page.text("document.getElementById('content').innerText")
}
