//! Around Debian's bridge, with traffic.

mod common;

use cni_wrapper_test::{CallBuilder, Host, Place, Traffic};
use common::{plugin, readme_config};
use serde_json::Value;

/// The last line of a recording on a host.
fn last_line(host: &Place, path: &str) -> Value {
    let text = host.read(path);
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}

#[test]
fn the_config_of_the_readme_records_what_the_runtime_got_of_a_container_that_is_reached() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let container = host.container("c1");
    // The machine's own /var/log is no place for a test.
    host.run("mount -t tmpfs none /var/log");
    let config = readme_config();
    let call =
        CallBuilder::add("net").config(config).container(&container).cni_path("/usr/lib/cni");
    let answer = call.run(plugin()).expect_success().json();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!(line["result"], answer);
    assert_eq!(line["delegates"][0]["type"], "bridge");

    let address = answer["ips"][0]["address"].as_str().and_then(|ip| ip.split('/').next());
    let address = address.expect("an address");
    let _server = container.serve(Traffic::Http, 80);
    let url = format!("http://{address}:80/");
    assert_eq!(outside.fetch(&url).expect("it is reached"), "c1 saw 203.0.113.9");

    let check = call.clone().as_verb("CHECK").key("prevResult", answer.clone());
    check.run(plugin()).expect_success();
    assert_eq!(last_line(&host, "/var/log/cni-trace.jsonl")["verb"], "CHECK");
    let del = call.as_verb("DEL").key("prevResult", answer).without_netns();
    del.run(plugin()).expect_success();
    del.run(plugin()).expect_success();
    let line = last_line(&host, "/var/log/cni-trace.jsonl");
    assert_eq!((&line["verb"], line.get("error")), (&"DEL".into(), None));
    assert_eq!(line["netns"], Value::Null);
    assert_eq!(host.read("/var/log/cni-trace.jsonl").lines().count(), 4);
}
