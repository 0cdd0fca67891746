//! Permits of processes that were killed, and more permits than a process may open files.

use std::fs;
use std::process::Command;

use cni_test_kit::{Behaviour, Script, wait_until};
use serde_json::json;

use crate::common::{DAEMON, EndDaemons, add, delegate, plugin, verbs};

#[test]
fn a_permit_is_free_when_its_call_is_killed_although_a_grandchild_lives_on() {
    let hangs = Behaviour::hang().leaving_child(DAEMON, true);
    let dir = delegate(&Script::succeed().at_first("ADD", [hangs]));
    let _end = EndDaemons(&dir);
    let limit = |timeout: f64| {
        let limit = json!({"name": "ipam", "maxConcurrent": 1, "timeout": timeout});
        add(&dir, json!({ "concurrencyLimit": limit }))
    };
    let mut killed = limit(50.0).start(plugin());
    wait_until("it is running", || verbs(&dir).len() == 1);
    killed.kill();
    drop(killed.finish());
    for id in ["second", "third"] {
        limit(5.0).container_id(id).run(plugin()).expect_success();
    }
    limit(5.0).container_id("second").as_verb("DEL").run(plugin()).expect_success();
}

#[test]
fn there_can_be_more_permits_than_a_process_may_open_files() {
    let dir = delegate(&Script::succeed());
    let script = dir.path().join("limited");
    let text = format!("#!/bin/sh\nulimit -n 64 && exec '{}'\n", plugin().display());
    // Another process writes it: while another test forks, a file that this process has open for
    // writing can't be executed.
    let write = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
    let written = Command::new("sh").args(["-c", write]).arg(&script).arg(text).status();
    assert!(written.expect("sh").success());
    let limit = json!({"name": "ipam", "maxConcurrent": 65535});
    let call = add(&dir, json!({ "concurrencyLimit": limit }));
    for verb in ["ADD", "DEL"] {
        call.clone().as_verb(verb).run(&script).expect_success();
    }
    let files = fs::read_dir(dir.path().join("state")).expect("it exists").count();
    assert!(files <= 2, "{files} files for two calls");
}

#[test]
fn a_message_about_very_many_holders_is_short() {
    let dir = delegate(&Script::always(Behaviour::hang()));
    let limit = json!({"name": "ipam", "maxConcurrent": 20, "timeout": 0.1});
    let call = add(&dir, json!({ "concurrencyLimit": limit }));
    let call = |number: usize| call.clone().container_id(&format!("c{number}"));
    let mut running: Vec<_> = (0..20).map(|number| call(number).start(plugin())).collect();
    wait_until("all are running", || dir.calls("d").len() == 20);
    let (code, msg, _) = call(20).run(plugin()).error();
    assert!(code == 11 && msg.contains(", and 4 more; if"), "{code}: {msg}");
    running.iter_mut().for_each(cni_test_kit::RunningCall::kill);
}
