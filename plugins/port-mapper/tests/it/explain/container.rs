//! Containers that do not answer.

use cni_test_kit::Traffic;
use serde_json::{Value, json};

use super::testbed::{Explained, fails, names};
use crate::behaviour::testbed::{CLIENT, TrafficTestbed};
use crate::common::{HOST, exchanged, plugin, reached, unreached};

on_every_backend!(
    a_container_without_its_address_is_named_by_the_neighbour,
    a_container_that_does_not_answer_on_the_link_is_named_by_the_neighbour,
    an_old_answer_on_the_link_does_not_count,
    a_service_that_does_not_listen_is_named_with_the_ports_that_do,
    a_service_that_listens_on_127_0_0_1_only_is_named,
    a_missing_default_route_is_named_by_the_answers,
    answers_by_another_gateway_are_named,
    a_neighbour_without_snat_is_named_by_the_answers,
    a_stale_flow_is_named,
    a_namespace_that_cannot_be_entered_is_unknown_and_not_in_order,
);

fn a_container_without_its_address_is_named_by_the_neighbour(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.running.container.sh("ip address flush dev eth0
         ip address add 192.168.0.200/16 dev eth0
         ip route replace default via 192.168.0.1");
    unreached(&explained.testbed.outside, HOST, 8080, "it has another address");
    explained.fails("neighbour", &["192.168.0.2", "does not have"]);
}

fn a_container_that_does_not_answer_on_the_link_is_named_by_the_neighbour(backend: &'static str) {
    let explained = Explained::new(backend);
    let container = &explained.running.container;
    container.run("ip link set eth0 arp off");
    explained.host().run("ip neighbour flush all");
    unreached(&explained.testbed.outside, HOST, 8080, "it does not answer");
    explained.fails("neighbour", &["192.168.0.2 does not answer", "ip neighbour show"]);
}

fn an_old_answer_on_the_link_does_not_count(backend: &'static str) {
    let explained = Explained::new(backend);
    reached(&explained.testbed.outside, HOST, 8080, "it answers");
    let make_old = "ip neighbour change 192.168.0.2 dev mesos-cni0 nud stale";
    explained.host().run(make_old);
    explained.is_in_order();
    explained.running.container.run("ip link set eth0 arp off");
    explained.host().run(make_old);
    explained.fails("neighbour", &["192.168.0.2 does not answer", "ip neighbour show"]);
}

fn a_service_that_does_not_listen_is_named_with_the_ports_that_do(backend: &'static str) {
    let explained = Explained::new(backend);
    drop(explained.server);
    let _other = explained.running.container.serve(Traffic::Http, 8081);
    let host = &explained.testbed.host;
    let words = ["tcp port 80", "others do on 8081"];
    fails(host, &["8080", "--from", CLIENT], "service", &words);
}

fn a_service_that_listens_on_127_0_0_1_only_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    drop(explained.server);
    let _own = explained.running.container.serve_on(Traffic::Http, "127.0.0.1", 80);
    unreached(&explained.testbed.outside, HOST, 8080, "it listens on 127.0.0.1");
    let host = &explained.testbed.host;
    fails(host, &["8080", "--from", CLIENT], "service", &["on 127.0.0.1 only", "0.0.0.0:80"]);
}

fn a_missing_default_route_is_named_by_the_answers(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.running.container.run("ip route del default");
    unreached(&explained.testbed.outside, HOST, 8080, "it can't answer");
    explained.fails("answers", &["no route to 203.0.113.9", "masqAll"]);
    fails(explained.host(), &["8080"], "answers", &["clients outside its subnet", "masqAll"]);
    reached(explained.host(), "127.0.0.1", 8080, "the host needs none");
}

fn answers_by_another_gateway_are_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.running.container.run("ip route replace default via 192.168.0.99");
    unreached(&explained.testbed.outside, HOST, 8080, "its answers go elsewhere");
    explained.fails("answers", &["192.168.0.99", "not this host"]);
}

fn a_neighbour_without_snat_is_named_by_the_answers(backend: &'static str) {
    let explained = Explained::with(backend, json!({"snat": false}));
    let neighbour = explained.testbed.start("c2", json!({}), json!([]));
    unreached(&neighbour.container, HOST, 8080, "it is answered directly");
    let from = ["8080", "--from", "192.168.0.3"];
    fails(explained.host(), &from, "answers", &["directly", "\\\"snat\\\": false"]);
}

fn a_stale_flow_is_named(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let mapping = json!([{"hostPort": 5300, "containerPort": 53, "protocol": "udp"}]);
    let old = testbed.start("old", json!({}), mapping.clone());
    let server = old.container.serve(Traffic::Udp, 53);
    exchanged(&testbed.outside, Traffic::Udp, HOST, 5300);
    let entry = testbed.host.run("conntrack -L -p udp --orig-port-dst 5300 -o save");
    old.del();
    drop(server);
    let new = testbed.start("new", json!({}), mapping);
    let _server = new.container.serve(Traffic::Udp, 53);
    testbed.host.run(entry.replace("-A ", "conntrack -I ").trim());
    let from = ["5300/udp", "--from", CLIENT];
    fails(&testbed.host, &from, "tracked flows", &["192.168.0.2:53", "restore"]);
}

fn a_namespace_that_cannot_be_entered_is_unknown_and_not_in_order(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    // Another mount namespace, as that of a service with mounts of its own.
    let script = "mount -t tmpfs none /run/netns; exec \"$0\" explain 8080 --json";
    let mut command = host.command("unshare");
    let command = command.args(["--mount", "sh", "-c", script]).arg(plugin());
    let output = command.env_remove("CNI_COMMAND").output().expect("it starts");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = json["paths"][0]["steps"].as_array().expect("steps");
    assert_eq!(names(steps, "failed"), [] as [&str; 0], "{json}");
    assert_eq!(
        names(steps, "unknown"),
        ["owner", "service", "answers", "container firewall"],
        "{json}"
    );
    assert!(steps[0]["remedy"].as_str().is_some_and(|text| text.contains("gc --force c1")));
}
