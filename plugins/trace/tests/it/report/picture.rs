//! The picture in the README: real plugins, recorded and shown.

use std::fs;
use std::path::Path;
use std::process::Command;

use cni_test_kit::{CallBuilder, Container, Host, Page};
use serde_json::{Value, json};

use super::texts;
use crate::common::plugin;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.png");

/// Records containers of Debian's plugins on a subnet with too few addresses.
fn record(recording: &Path) {
    let host = Host::new();
    let delegates = json!([
        {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
            "ipam": {"type": "host-local", "subnet": "10.88.0.0/29"}},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]);
    let config = json!({"cniVersion": "1.0.0", "recordingFile": recording, "delegate": delegates});
    let call = |container: &Container| {
        CallBuilder::add("web").config(config.clone()).container(container).cni_path("/usr/lib/cni")
    };
    let containers: Vec<Container> =
        (1..=6).map(|number| host.container(&format!("web-{number}"))).collect();
    let port = |number: usize| {
        let mapping = json!({"hostPort": 8080 + number, "containerPort": 80, "protocol": "tcp"});
        json!({ "portMappings": [mapping] })
    };
    let results: Vec<Value> = containers
        .iter()
        .enumerate()
        .map(|(number, container)| {
            let add = call(container).key("runtimeConfig", port(number));
            let outcome = add.run(plugin());
            serde_json::from_str(&outcome.stdout).unwrap_or_default()
        })
        .collect();
    let del = call(&containers[0]).as_verb("DEL").key("prevResult", results[0].clone());
    del.key("runtimeConfig", port(0)).run(plugin()).expect_success();
}

/// `UPDATE_GOLDEN=1` replaces the picture. The test itself compares what the page shows, since
/// pixels depend on fonts and durations.
#[test]
fn real_plugins_are_shown_as_in_the_picture_of_the_readme() {
    let directory = cni_test_kit::TempDir::new();
    let recording = directory.path().join("cni-trace.jsonl");
    record(&recording);
    let mut report = Command::new(plugin());
    report.args(["report", "cni-trace.jsonl"]).current_dir(directory.path());
    let output = report.env_remove("CNI_COMMAND").output().unwrap();
    let mut page = Page::open(&String::from_utf8(output.stdout).unwrap(), 1000, false);
    let failed = texts(&mut page, "#failed li");
    let [failed] = failed.as_slice() else { panic!("one failed: {failed:?}") };
    assert!(failed.contains("web-6") && failed.contains("no IP addresses available"), "{failed}");
    let first = texts(&mut page, "#timeline section:first-child .what");
    let expected = ["ADD", "bridge ADD", "portmap ADD", "DEL", "portmap DEL", "bridge DEL"];
    assert_eq!(first, expected, "DEL runs in reverse order");
    let picture = page.screenshot();
    assert_eq!(&picture[1..4], b"PNG");
    assert_eq!(page.complaints(), Vec::<String>::new());
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(PICTURE, &picture).unwrap();
    }
    let committed = fs::read(PICTURE).expect("the picture of the README");
    assert!(committed.len() < 200 << 10, "the picture has {} bytes", committed.len());
}
