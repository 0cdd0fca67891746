//! The recipes for Mesos, with Debian's plugins and traffic.

use cni_test_kit::{CallBuilder, Container, Host, Traffic, plugin_binary};
use serde_json::{Value, json};

use crate::common::*;

/// Returns the JSON below a heading of the recipes.
fn recipe(heading: &str) -> Value {
    let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../RECIPES.md"));
    let (_, section) = page.split_once(&format!("## {heading}")).expect("the heading");
    let (_, rest) = section.split_once("```json\n").expect("a block of JSON");
    let (block, _) = rest.split_once("```").expect("the end of the block");
    serde_json::from_str(block).expect("valid JSON")
}

fn call(network: &Value, container: &Container, labels: &Value) -> CallBuilder {
    let mut info = mapped(&[tcp(8080, 80)]);
    info["labels"]["labels"] = labels.clone();
    let call = CallBuilder::add("mesos").config(network.clone()).mesos(info);
    call.container(container).cni_path(PLUGINS)
}

#[test]
fn one_network_of_mesos_adds_and_deletes_a_chain_of_plugins() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let container = host.container("c1");
    let call = call(&recipe("Mesos: a chain in one network"), &container, &json!([]));
    let result = add(&call).json();
    assert_eq!(result["ip4"]["ip"], "192.168.0.2/16", "the form that Mesos reads: {result}");
    let _server = container.serve(Traffic::Http, 80);

    reached(&outside, HOST, 8080, "mapped");
    host.run("iptables -P FORWARD DROP");
    let _outside = outside.serve(Traffic::Http, 81);
    reached(&container, "203.0.113.9", 81, "let through by the firewall plugin");
    host.run("iptables -P FORWARD ACCEPT");
    let sysctl = container.run("cat /proc/sys/net/ipv4/tcp_keepalive_time");
    assert_eq!(sysctl.trim(), "300", "set by tuning");
    let queues = host.run("tc qdisc show");
    assert!(queues.contains("tbf"), "limited by bandwidth: {queues}");

    del(&call);
    unreached(&outside, HOST, 8080, "nothing is mapped");
    assert_eq!(host.run("tc qdisc show").matches("tbf").count(), 0, "bandwidth removed its queues");
    let left = host.run("iptables-save");
    assert!(!left.contains("192.168.0.2"), "no rule mentions the container: {left}");
    assert_nothing_is_left(&host);
}

#[test]
fn ports_of_mesos_are_passed_to_portmap_of_debian_and_its_labels_decide() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let policy = plugin_binary("cni-label-policy", "cni-label-policy");
    let network = recipe("Mesos: ports and labels");
    let container = host.container("c1");
    let served = call(&network, &container, &json!([{"key": "app", "value": "web"}]));
    served.run(&policy).expect_success();
    let _server = container.serve(Traffic::Http, 80);
    reached(&outside, HOST, 8080, "mapped by portmap");

    let ill = host.container("c2");
    let (code, msg, _) = call(&network, &ill, &json!([{"key": "quarantine"}])).run(&policy).error();
    assert_eq!(
        (code, msg.as_str()),
        (110, "rule \"quarantine\" denies container c2: it is in quarantine")
    );

    served.as_verb("DEL").run(&policy).expect_success();
    unreached(&outside, HOST, 8080, "DEL with the ports was passed to portmap");
}
