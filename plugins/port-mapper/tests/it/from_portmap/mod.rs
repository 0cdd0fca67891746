//! The configurations of the page on moving from `portmap`, with this plugin and with Debian's
//! `portmap`: the same clients are let in.

mod behaviour;
mod testbed;

use std::path::PathBuf;

use cni_test_kit::{CallBuilder, Container, Host, Netns, Traffic};
use serde_json::{Value, json};

use crate::common::*;

const PAGE: &str = include_str!("../../../docs/from-portmap.md");

/// The host's addresses on three links, and the clients there.
const LINKS: [(&str, &str, &str); 3] = [
    ("first", "203.0.113.1", "203.0.113.9"),
    ("second", "198.51.100.1", "198.51.100.9"),
    ("third", "192.0.2.1", "192.0.2.9"),
];

/// Returns all lists of the page.
fn lists() -> Vec<Value> {
    let blocks = PAGE.split("```json\n").skip(1);
    let text = blocks.map(|rest| rest.split_once("```").expect("the end of the block").0);
    text.map(|block| serde_json::from_str(block).expect("valid JSON")).collect()
}

/// Returns an ADD of each plugin of a list, as libcni calls it, with the program.
fn calls(list: &Value, container: &Container) -> Vec<(CallBuilder, PathBuf)> {
    let call = |plugin: &Value| {
        let name = plugin["type"].as_str().expect("a type");
        let program = match name {
            "mesos-cni-port-mapper" => crate::common::plugin(),
            other => PathBuf::from(PLUGINS).join(other),
        };
        let mut call = CallBuilder::add("net").config(plugin.clone());
        for key in ["cniVersion", "name"] {
            call = call.key(key, list[key].clone());
        }
        if plugin["capabilities"]["portMappings"] == true {
            let mappings = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
            call = call.key("runtimeConfig", json!({ "portMappings": mappings }));
        }
        (call.container(container).cni_path(PLUGINS), program)
    };
    list["plugins"].as_array().expect("plugins").iter().map(call).collect()
}

/// Attaches a container, checks who reaches it, and detaches it.
fn compare(list: &Value, plugin: &str, reach: &[(&str, bool)]) {
    let mut list = list.clone();
    list["plugins"][1]["type"] = json!(plugin);
    let host = Host::new();
    let clients = LINKS.map(|(name, address, client)| {
        host.neighbour(name, &format!("{address}/24"), &format!("{client}/24"))
    });
    let container = host.container("c1");
    let mut result = Value::Null;
    for (call, program) in calls(&list, &container) {
        result = call.key("prevResult", result).run(program).expect_success().json();
    }
    let _server = container.serve(Traffic::Http, 80);
    let expect = |place: &Netns, address: &str, name: &str| {
        let why = format!("{plugin}: {name}");
        match reach.iter().find(|(client, _)| *client == name).expect("a client").1 {
            true => drop(reached(place, address, 8080, &why)),
            false => unreached(place, address, 8080, &why),
        }
    };
    for ((name, address, _), client) in LINKS.iter().zip(&clients) {
        expect(client, address, name);
    }
    expect(&host, LINKS[0].1, "host");
    expect(&host, "127.0.0.1", "localhost");
    for (call, program) in calls(&list, &container).into_iter().rev() {
        call.key("prevResult", result.clone()).as_verb("DEL").run(program).expect_success();
    }
    unreached(&clients[0], LINKS[0].1, 8080, "nothing is mapped after DEL");
}

#[test]
fn every_list_of_the_page_lets_in_the_same_clients_as_with_portmap() {
    let all = ["first", "second", "third", "host", "localhost"];
    let allowed: [&[&str]; 3] =
        [&all, &["first", "third"], &["first", "third", "host", "localhost"]];
    let lists = lists();
    assert_eq!(lists.len(), allowed.len(), "every list of the page is run");
    for (list, allowed) in lists.iter().zip(allowed) {
        let reach: Vec<(&str, bool)> =
            all.iter().map(|name| (*name, allowed.contains(name))).collect();
        for plugin in ["portmap", "mesos-cni-port-mapper"] {
            compare(list, plugin, &reach);
        }
    }
}

#[test]
fn every_key_and_value_of_the_page_is_accepted_or_refused_as_it_says() {
    let host = Host::new();
    let container = host.container("c1");
    let prev_result = json!({"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.2/16"}]});
    let call = |keys: Value| {
        let (mut call, program) = calls(&lists()[0], &container).remove(1);
        for (key, value) in keys.as_object().into_iter().flatten() {
            call = call.key(key, value.clone());
        }
        (call.key("prevResult", prev_result.clone()), program)
    };
    for keys in [
        json!({"snat": false}),
        json!({"masqAll": true}),
        json!({"backend": "iptables"}),
        json!({"backend": "nftables"}),
    ] {
        let (call, program) = call(keys);
        call.run(&program).expect_success();
        call.as_verb("DEL").run(&program).expect_success();
    }
    let mapped = |keys: Value| {
        let mut mapping = json!({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"});
        for (key, value) in keys.as_object().into_iter().flatten() {
            mapping[key] = value.clone();
        }
        json!({"runtimeConfig": {"portMappings": [mapping]}})
    };
    for keys in [
        json!({"externalSetMarkChain": "KUBE-MARK-MASQ"}),
        json!({"markMasqBit": 13}),
        json!({"backend": "nftables", "conditionsV4": ["ip", "saddr", "192.0.2.9"]}),
        json!({"conditionsV4": ["-p", "udp"]}),
        mapped(json!({"hostIP": "localhost"})),
        mapped(json!({"hostIP": "::1"})),
    ] {
        let (call, program) = call(keys.clone());
        assert_eq!(call.run(&program).error().0, 7, "{keys}");
    }
}
