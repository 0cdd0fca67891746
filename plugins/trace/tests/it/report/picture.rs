//! The picture in the README: real plugins, recorded and shown.

use std::fs;
use std::path::Path;
use std::process::Command;

use cni_test_kit::{CallBuilder, Container, Host, Page};
use serde_json::json;

use crate::common::plugin;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.png");

/// Records containers of Debian's plugins on a subnet with one address, which the second container
/// gets when the first has been removed.
fn record(recording: &Path) {
    let host = Host::new();
    let delegates = json!([
        {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
            "ipam": {"type": "host-local", "subnet": "10.88.0.0/30"}},
        {"type": "portmap", "capabilities": {"portMappings": true}},
    ]);
    let config = json!({"cniVersion": "1.0.0", "recordingFile": recording, "delegate": delegates});
    let [first, second] = ["web-1", "web-2"].map(|name| host.container(name));
    let call = |verb: &str, container: &Container, port: u16| {
        let mapping = json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"});
        let call = CallBuilder::add("web").as_verb(verb).config(config.clone());
        call.container(container)
            .cni_path("/usr/lib/cni")
            .key("runtimeConfig", json!({ "portMappings": [mapping] }))
    };
    let result = call("ADD", &first, 8080).run(plugin()).expect_success().json();
    call("ADD", &second, 8081).run(plugin()).error();
    call("DEL", &first, 8080).key("prevResult", result).run(plugin()).expect_success();
    call("ADD", &second, 8081).run(plugin()).expect_success();
}

/// The colours of the page, of its cards, and of bars: calls and delegates, succeeded and failed.
const COLOURS: &str = "['body', '.group', '.call .bar:not(.bad)', '.delegate .bar:not(.bad)', \
                       '.call .bar.bad', '.delegate .bar.bad'].map((selector) => \
                       getComputedStyle(document.querySelector(selector)).backgroundColor)";

/// Fails unless a picture is of the same size as another one, has bars of all kinds in the colours
/// of the page, and about as much background. Single pixels depend on fonts and durations.
fn assert_alike(page: &mut Page, committed: &[u8], now: &[u8]) {
    let colours = page.eval(COLOURS);
    let colours = colours.as_array().unwrap().iter().map(|colour| colour.as_str().unwrap());
    let colours: Vec<String> = colours.map(str::to_owned).collect();
    let [committed, now] = [committed, now].map(|picture| page.pixels(picture, &colours));
    assert_eq!(committed[..2], now[..2], "width and height");
    for (index, colour) in colours.iter().enumerate() {
        let (before, now) = (committed[index + 2], now[index + 2]);
        // A bar is as long as the call took.
        let is_alike = index >= 2 || (before < now * 2 && now < before * 2);
        assert!(
            before > 0 && now > 0 && is_alike,
            "{colour} has {before} pixels in {PICTURE}, and {now} now"
        );
    }
}

/// `UPDATE_GOLDEN=1` replaces the picture.
#[test]
fn real_plugins_are_shown_as_in_the_picture_of_the_readme() {
    let directory = cni_test_kit::TempDir::new();
    let recording = directory.path().join("cni-trace.jsonl");
    record(&recording);
    let mut report = Command::new(plugin());
    report.args(["report", "cni-trace.jsonl"]).current_dir(directory.path());
    let output = report.env_remove("CNI_COMMAND").output().unwrap();
    let mut page = Page::open(&String::from_utf8(output.stdout).unwrap(), 1000, false);
    let failed = page.texts("#failed li");
    let [failed] = failed.as_slice() else { panic!("one failed: {failed:?}") };
    assert!(failed.contains("web-2") && failed.contains("no IP addresses available"), "{failed}");
    let first = page.texts("#timeline section:first-child .what");
    let expected = ["ADD", "bridge ADD", "portmap ADD", "DEL", "portmap DEL", "bridge DEL"];
    assert_eq!(first, expected, "DEL runs in reverse order");
    let picture = page.screenshot();
    assert_eq!(page.complaints(), Vec::<String>::new());
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(PICTURE, &picture).unwrap();
    }
    let committed = fs::read(PICTURE).expect("the picture of the README");
    assert_alike(&mut page, &committed, &picture);
    assert!(committed.len() < 200 << 10, "the picture has {} bytes", committed.len());
}
