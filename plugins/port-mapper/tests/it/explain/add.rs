//! What an ADD warns of, with the same result.

use std::os::unix::fs::symlink;

use cni_test_kit::{Behaviour, CallBuilder, Container, Script, TempDir, Traffic};
use serde_json::{Value, json};

use super::testbed::{fails, names, steps};
use crate::behaviour::testbed::{NFTABLES, RulesTestbed, TrafficTestbed, port, port_at};
use crate::common::{PLUGINS, add, plugin, tcp};

on_every_backend!(
    an_add_warns_of_a_process_that_listens_on_the_port,
    an_add_does_not_warn_of_a_process_on_another_port_or_address,
);
on_both_iptables!(an_add_warns_of_a_port_that_portmap_has_mapped);

/// What portmap 1.6 makes with its backend nftables.
const CNI_HOSTPORT: &str = "
    nft 'add table ip cni_hostport { comment \"CNI portmap plugin\"; }'
    nft add chain ip cni_hostport hostports
    nft add chain ip cni_hostport hostip_hostports
    nft 'add chain ip cni_hostport prerouting { type nat hook prerouting priority dstnat; }'
    nft add rule ip cni_hostport prerouting jump hostip_hostports
    nft add rule ip cni_hostport prerouting jump hostports
    nft add rule ip cni_hostport hostports tcp dport 8080 dnat to 10.88.0.2:8081 comment c0
    nft add rule ip cni_hostport hostip_hostports ip daddr 192.0.2.1 udp dport 5300 \\
        dnat to 10.88.0.2:53 comment c0";

#[test]
fn an_add_warns_of_a_port_that_portmap_has_mapped_with_nftables() {
    let testbed = RulesTestbed::new(NFTABLES);
    testbed.host.sh(CNI_HOSTPORT);
    let udp = |port: u16| json!({"hostPort": port, "containerPort": 80, "protocol": "udp"});
    let quiet = add(&testbed.runtime("c1", json!([port(8081, 80), port(5300, 80), udp(8080)])));
    assert!(!quiet.stderr.contains("portmap"), "portmap has other ports: {quiet}");
    let warned = add(&testbed.runtime("c2", json!([port(8080, 80), udp(5300)])));
    for ports in ["tcp host port 8080", "udp host port 5300"] {
        let expected = format!("portmap has mapped {ports}");
        assert!(warned.stderr.contains(&expected), "{expected}: {warned}");
    }
}

const LISTENS: &str = "a process of this host listens on";

fn an_add_warns_of_a_process_that_listens_on_the_port(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let host = &testbed.host;
    let quiet = add(&testbed.call("c1", &[tcp(8080, 80)]));
    assert!(!quiet.stderr.contains("listens on"), "there is nothing to warn of: {quiet}");
    let _process = host.serve(Traffic::Http, 8081);
    let _udp = host.serve(Traffic::Udp, 5300);
    let _own = host.serve_on(Traffic::Http, "127.0.0.1", 8082);
    let udp = json!({"host_port": 5300, "container_port": 53, "protocol": "udp"});
    let warned = add(&testbed.call("c2", &[tcp(8081, 80), udp, tcp(8082, 80), tcp(8083, 80)]));
    for ports in ["tcp host port 8081", "udp host port 5300", "tcp host port 8082"] {
        assert!(warned.stderr.contains(&format!("{LISTENS} {ports}")), "{ports}: {warned}");
    }
    one_address_and_ipv6_alone(&testbed);
    assert!(!warned.stderr.contains("8083"), "{warned}");
    let [quiet, warned] = [quiet, warned].map(|outcome| outcome.json());
    assert_eq!(quiet, warned, "the result is the same");
}

/// Processes that listen at one address of the host, or by IPv6 alone.
fn one_address_and_ipv6_alone(testbed: &RulesTestbed) {
    testbed.host.run("ip address add 192.0.2.1/32 dev lo");
    let _one = testbed.host.serve_on(Traffic::Http, "192.0.2.1", 8084);
    let _six = testbed.host.serve_on(Traffic::Http, "::1", 8085);
    let mappings = json!([port(8084, 80), port(8085, 80)]);
    let warned = add(&testbed.runtime("c3", mappings.clone()));
    assert!(warned.stderr.contains(&format!("{LISTENS} tcp host port 8084")), "{warned}");
    assert!(!warned.stderr.contains("8085"), "the container has no IPv6: {warned}");
    let both = json!({"cniVersion": "1.0.0",
        "ips": [{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]});
    testbed.plugins.script("inner", &Script::succeed().on("ADD", Behaviour::result(both)));
    let del = testbed.runtime("c3", mappings.clone()).as_verb("DEL");
    del.run(plugin()).expect_success();
    let warned = add(&testbed.runtime("c4", mappings));
    assert!(warned.stderr.contains(&format!("{LISTENS} tcp host port 8085")), "{warned}");
}

fn an_add_does_not_warn_of_a_process_on_another_port_or_address(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.run("ip address add 192.0.2.1/32 dev lo");
    testbed.host.run("ip address add 192.0.2.2/32 dev lo");
    let _tcp = testbed.host.serve(Traffic::Http, 8080);
    let _other = testbed.host.serve_on(Traffic::Http, "192.0.2.2", 8081);
    let mappings = json!([
        {"hostPort": 8080, "containerPort": 80, "protocol": "udp"},
        port(8088, 80), port_at("192.0.2.1", 8081, 80),
    ]);
    let quiet = add(&testbed.runtime("c1", mappings));
    assert!(!quiet.stderr.contains("listens on"), "{quiet}");
    let warned = add(&testbed.runtime("c2", json!([port_at("192.0.2.2", 8081, 80)])));
    assert!(warned.stderr.contains(&format!("{LISTENS} tcp 192.0.2.2:8081")), "{warned}");
}

/// Calls portmap for a container, with a PATH in which `iptables` is of this variant.
fn portmap(testbed: &TrafficTestbed, container: &Container, path: &TempDir, mapping: &Value) {
    for family in ["iptables", "ip6tables"] {
        let real = testbed.backend.replacen("iptables", family, 1);
        symlink(format!("/usr/sbin/{real}"), path.path().join(family)).expect("a link");
    }
    let prev_result = json!({"cniVersion": "1.0.0", "ips": [{"address": "192.168.0.2/16"}]});
    let call = CallBuilder::add("other")
        .config(json!({"cniVersion": "1.0.0", "name": "other", "type": "portmap"}))
        .key("runtimeConfig", json!({ "portMappings": [mapping] }))
        .key("prevResult", prev_result)
        .cni_path(PLUGINS)
        .env("PATH", &format!("{}:/usr/sbin:/usr/bin", path.path().display()))
        .container(container);
    call.run(format!("{PLUGINS}/portmap")).expect_success();
}

fn an_add_warns_of_a_port_that_portmap_has_mapped(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let first = testbed.start("c1", json!({}), json!([]));
    let path = TempDir::new();
    portmap(&testbed, &first.container, &path, &port(8080, 80));
    let second = testbed.host.container("c2");
    let call = |mappings: Value| {
        CallBuilder::add("mesos")
            .config(testbed.network(json!({})))
            .key("runtimeConfig", json!({ "portMappings": mappings }))
            .container(&second)
            .cni_path(PLUGINS)
    };
    let udp = json!({"hostPort": 8080, "containerPort": 80, "protocol": "udp"});
    let quiet = call(json!([port(8081, 80), udp]));
    let added = add(&quiet);
    assert!(!added.stderr.contains("portmap"), "portmap has another port: {added}");
    quiet.as_verb("DEL").run(plugin()).expect_success();
    let warned = add(&call(json!([port(8080, 80)])));
    assert!(warned.stderr.contains("portmap has mapped tcp host port 8080"), "{warned}");
    let _server = second.serve(Traffic::Http, 80);
    // Each of the two makes the first rule of its chain; portmap's jump came first.
    fails(&testbed.host, &["8080"], "translation", &["CNI-DN-", "portmap"]);
    let local = steps(&testbed.host, &["8080", "--from", "127.0.0.1"]);
    assert_eq!(names(&local, "unknown"), [] as [&str; 0], "{local:#?}");
}
