//! Tests with real traffic. The delegate is Debian's bridge plugin.

use cni_test_kit::{CallBuilder, Container, Host, Netns, RepeatedAdd, Traffic};
use serde_json::{Value, json};

use crate::common::plugin;

/// Returns the JSON blocks of the README: a minimal configuration, one with all keys, and a list.
fn readme_configs() -> [Value; 3] {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let readme = readme.expect("README.md");
    let blocks = readme.split("```json\n").skip(1).map(|rest| {
        let block = rest.split("```").next().expect("a block");
        serde_json::from_str(block).expect(block)
    });
    blocks.collect::<Vec<_>>().try_into().expect("three blocks")
}

/// Returns the last line of a file of JSON lines on this host.
fn last_line(host: &Netns, path: &str) -> Value {
    let text = host.read(path);
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}

/// Mounts empty file systems over the directories of the machine to which the tests write.
fn mount_empty_directories(host: &Netns) {
    host.sh("for each in /var/log /var/lib; do mount -t tmpfs none $each; done
             mkdir -p /var/log/cni /var/lib/prometheus/node-exporter");
}

#[test]
fn the_minimal_config_of_the_readme_records_add_check_and_del_of_a_reachable_container() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let container = host.container("c1");
    mount_empty_directories(&host);
    let [config, ..] = readme_configs();
    let call =
        CallBuilder::add("net").config(config).container(&container).cni_path("/usr/lib/cni");
    let result = call.run(plugin()).expect_success().json();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!(line["result"], result);
    assert_eq!(line["delegates"][0]["type"], "bridge");

    let address = result["ips"][0]["address"].as_str().and_then(|ip| ip.split('/').next());
    let address = address.expect("an address");
    let _server = container.serve(Traffic::Http, 80);
    let url = format!("http://{address}:80/");
    assert_eq!(outside.fetch(&url).expect("the container is reachable"), "c1 saw 203.0.113.9");

    let check = call.clone().as_verb("CHECK").key("prevResult", result.clone());
    check.run(plugin()).expect_success();
    assert_eq!(last_line(&host, "/var/log/cni-trace.jsonl")["verb"], "CHECK");
    let del = call.as_verb("DEL").key("prevResult", result).without_netns();
    del.run(plugin()).expect_success();
    del.run(plugin()).expect_success();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!((&line["verb"], line.get("error")), (&"DEL".into(), None));
    assert_eq!(line["netns"], Value::Null);
    assert_eq!(host.read("/var/log/cni-trace.jsonl").lines().count(), 4);
}

#[test]
fn the_other_configs_of_the_readme_write_the_files_that_they_configure() {
    let host = Host::new();
    mount_empty_directories(&host);
    let [_, all, list] = readme_configs();
    let call = |config: Value, name: &str| {
        CallBuilder::add("net")
            .config(config)
            .container(&host.container(name))
            .cni_path("/usr/lib/cni")
    };
    let result = call(all, "c1").run(plugin()).expect_success().json();
    assert_eq!(last_line(&host, "/var/log/cni/trace.jsonl")["result"], result);
    let metrics = host.read("/var/lib/prometheus/node-exporter/cni.prom");
    assert!(metrics.contains("cni_calls_total{network=\"net\",verb=\"ADD\",code=\"0\"} 1\n"));
    assert!(last_line(&host, "/var/log/cni/spans.jsonl")["resourceSpans"].is_array());

    let [mut first, mut last] = [0, 1].map(|index| list["plugins"][index].clone());
    for plugin in [&mut first, &mut last] {
        plugin["cniVersion"] = list["cniVersion"].clone();
        plugin["name"] = list["name"].clone();
    }
    let prev_result = call(first, "c2").run("/usr/lib/cni/bridge").expect_success().json();
    last["prevResult"] = prev_result.clone();
    let call = CallBuilder::add("net").config(last).container_id("c2").netns("/run/netns/c2");
    let result = call.within(&host).run(plugin()).expect_success().json();
    assert_eq!(result, prev_result);
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!((&line["position"], &line["result"]), (&json!("chained"), &result));
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_line_does_not_fail_the_call() {
    let host = Host::new();
    host.sh("mount -t tmpfs -o size=8k none /var/log");
    let [config, ..] = readme_configs();
    let call = CallBuilder::add("net")
        .config(config)
        .container(&host.container("c1"))
        .cni_path("/usr/lib/cni");
    let long = call.clone().key("long", json!("x".repeat(20_000)));
    let outcome = long.run(plugin()).expect_success();
    assert_eq!(outcome.json()["interfaces"].as_array().map(Vec::len), Some(3));
    assert!(outcome.stderr.contains("8192 of "), "{}", outcome.stderr);

    host.sh("mount -o remount,size=1m /var/log");
    call.as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(last_line(&host, "/var/log/cni-trace.jsonl")["verb"], "DEL");
}

#[test]
fn a_repeated_add_fails_and_leaves_the_attached_container_as_it_was() {
    let host = Host::new();
    mount_empty_directories(&host);
    let [config, ..] = readme_configs();
    let add = |container: &Container| {
        CallBuilder::add("net").config(config.clone()).container(container).cni_path("/usr/lib/cni")
    };
    let repeated = RepeatedAdd::new(&host, plugin().as_ref(), &add, &[]);
    repeated.fails_and_changes_nothing();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    let calls = line["delegates"].as_array().expect("the calls of the delegate");
    assert_eq!(calls.len(), 1, "ADD alone, without a DEL: {line}");
    repeated.is_refused_in_another_namespace();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!(line["delegates"], json!([]), "no delegate is called: {line}");
    repeated.another_container_gets_another_address(&add);
    repeated.del_leaves_nothing();
}
