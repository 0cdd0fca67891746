//! Containers that do not answer.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use cni_test_kit::Traffic;
use serde_json::{Value, json};

use super::testbed::{Explained, all_are_ok, fails, is_unknown, names, text};
use crate::behaviour::testbed::{CLIENT, TrafficTestbed, port};
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
    a_namespace_that_was_unmounted_and_is_still_in_use_is_unknown_and_not_failed,
    a_wrong_hardware_address_is_named_by_the_neighbour_and_its_remedy_works,
    a_service_that_is_bound_to_another_interface_is_named,
    interfaces_that_are_down_are_named_and_their_remedies_work,
    hairpin_mode_that_is_off_is_named_and_its_remedy_works,
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
    fails(explained.host(), &from, "answers", &["directly", "\"snat\": false"]);
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
    let shown = text(&steps[0]);
    assert!(shown.ends_with("\nmesos-cni-port-mapper gc --force c1"), "{shown}");
}

fn a_namespace_that_was_unmounted_and_is_still_in_use_is_unknown_and_not_failed(
    backend: &'static str,
) {
    let explained = Explained::new(backend);
    explained.host().run("umount /run/netns/c1");
    reached(&explained.testbed.outside, HOST, 8080, "its processes are still there");
    let words = ["not at /run/netns/c1 any more", "process "];
    is_unknown(explained.host(), &["8080", "--from", CLIENT], "owner", &words);
}

fn a_wrong_hardware_address_is_named_by_the_neighbour_and_its_remedy_works(backend: &'static str) {
    let explained = Explained::new(backend);
    let wrong = "02:00:00:00:00:77";
    explained.host().run(&format!(
        "ip neighbour replace 192.168.0.2 lladdr {wrong} nud permanent dev mesos-cni0"
    ));
    unreached(&explained.testbed.outside, HOST, 8080, "frames go to nobody");
    explained.fails("neighbour", &[wrong, "ip neighbour del 192.168.0.2 dev mesos-cni0"]);
    explained.remedy_works();
}

/// Listens on port 80 by `lo` alone, until the end of its input.
const BOUND_TO_LO: &str = r#"socket(S, PF_INET, SOCK_STREAM, 0);
    my $bind_to_device = 25;
    setsockopt(S, SOL_SOCKET, $bind_to_device, "lo\0") or die $!;
    bind(S, sockaddr_in(80, INADDR_ANY)) and listen(S, 5) or die $!;
    $| = 1; print "ready\n"; <STDIN>"#;

fn a_service_that_is_bound_to_another_interface_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    drop(explained.server);
    let mut command = explained.running.container.command("perl");
    command.args(["-MSocket", "-e", BOUND_TO_LO]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut service = command.spawn().expect("perl");
    let mut line = String::new();
    let output = service.stdout.take().expect("stdout");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    unreached(&explained.testbed.outside, HOST, 8080, "it is bound to lo");
    let host = &explained.testbed.host;
    let words = ["bound to another interface", "nsenter --net=/run/netns/c1 ss -lnpt"];
    fails(host, &["8080", "--from", CLIENT], "service", &words);
    drop(service.stdin.take());
    service.wait().expect("it ends");
}

fn interfaces_that_are_down_are_named_and_their_remedies_work(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    let veth = host.sh("ip -o link show master mesos-cni0 | sed 's/^[0-9]*: \\([^@:]*\\).*/\\1/'");
    for (step, link) in
        [("interface", "outside"), ("route", "mesos-cni0"), ("neighbour", veth.trim())]
    {
        host.run(&format!("ip link set dev {link} down"));
        unreached(&explained.testbed.outside, HOST, 8080, "an interface is down");
        explained.fails(step, &[link, "is down", &format!("ip link set dev {link} up")]);
        explained.remedy_works();
    }
    explained.running.container.run("ip link set dev eth0 down");
    unreached(&explained.testbed.outside, HOST, 8080, "that of the container is down");
    explained.fails("neighbour", &["eth0", "is down", "nsenter --net=/run/netns/c1 ip link set"]);
}

fn hairpin_mode_that_is_off_is_named_and_its_remedy_works(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    testbed.host.bridge_netfilter(true);
    let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    let itself = ["8080", "--from", "192.168.0.2"];
    reached(&one.container, HOST, 8080, "hairpin mode is on");
    all_are_ok(&testbed.host, &itself);
    let veth = testbed.host.sh("bridge -o link | sed -n 's/^[0-9]*: \\([^@:]*\\).*/\\1/p'");
    testbed.host.run(&format!("bridge link set dev {} hairpin off", veth.trim()));
    unreached(&one.container, HOST, 8080, "hairpin mode is off");
    let remedy = format!("bridge link set dev {} hairpin on", veth.trim());
    fails(&testbed.host, &itself, "hairpin mode", &["192.168.0.2", &remedy]);
    all_are_ok(&testbed.host, &["8080", "--from", CLIENT]);
    testbed.host.run(&remedy);
    reached(&one.container, HOST, 8080, "the remedy works");
    // Answers between two ports of a bridge are translated on it, too.
    let two = testbed.start("c2", json!({"snat": false}), json!([port(8081, 80)]));
    let _second = two.container.serve(Traffic::Http, 80);
    reached(&one.container, HOST, 8081, "without snat");
    all_are_ok(&testbed.host, &["8081", "--from", "192.168.0.2"]);
}
