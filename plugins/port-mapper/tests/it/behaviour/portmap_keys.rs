//! Keys and values of the reference `portmap`, of Marathon, Podman and Mesos, and mistyped keys.

use serde_json::json;

use cni_test_kit::{CallBuilder, Traffic};

use super::kinds::dual_stack;
use super::testbed::{BRIDGE, NFTABLES, RulesTestbed, TrafficTestbed, port, port_at};
use super::variants::{LEGACY, NFT};
use crate::common::{HOST, add, del, mesos, plugin, reached, tcp};

on_every_backend!(
    any_address_of_a_family_that_the_container_lacks_is_a_warning_next_to_the_other_family,
    a_protocol_may_be_a_list,
    the_ipv6_loopback_address_is_neither_mapped_nor_taken,
    a_neighbour_keeps_its_address_without_snat_if_the_bridge_passes_packets_to_iptables,
);

fn any_address_of_a_family_that_the_container_lacks_is_a_warning_next_to_the_other_family(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    for (address, missing) in [("10.0.0.2/24", "[::]:8080"), ("fd00::2/64", "0.0.0.0:8080")] {
        let mappings = json!([port_at("0.0.0.0", 8080, 80), port_at("::", 8080, 80)]);
        let result = json!({"cniVersion": "1.1.0", "ips": [{ "address": address }]});
        let call = testbed.runtime("c1", mappings).key("delegate", json!(null));
        let call = call.key("prevResult", result);
        let outcome = add(&call);
        assert!(outcome.stderr.contains(missing), "a warning: {}", outcome.stderr);
        call.clone().as_verb("CHECK").run(plugin()).expect_success();
        del(&call);
        assert_eq!(testbed.own_rules(), "");
    }
    let alone = json!([port_at("::", 8080, 80), port_at("0.0.0.0", 8081, 80)]);
    let (code, msg, _) = testbed.runtime("c1", alone).run(plugin()).error();
    assert!(code == 102 && msg.contains("[::]:8080"), "of another port it is an error: {msg}");
}

fn a_protocol_may_be_a_list(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let mesos =
        |protocol: &str| json!({"host_port": 53, "container_port": 5353, "protocol": protocol});
    for text in ["udp,tcp", "TCP, udp", "tcp,udp,tcp"] {
        let call = testbed.call("c1", &[mesos(text)]);
        add(&call);
        let list = CallBuilder::cli(&["list", "--json"]).within(&testbed.host).run(plugin());
        let list = list.expect_success().stdout;
        for protocol in ["\"tcp\"", "\"udp\""] {
            assert_eq!(list.matches(protocol).count(), 1, "{text}: {protocol} once: {list}");
        }
        assert!(!list.contains("sctp"), "{list}");
        del(&call);
    }
    for text in ["udp,icmp", "tcp,", ",", "tcp udp"] {
        let (code, msg, _) = testbed.call("c1", &[mesos(text)]).run(plugin()).error();
        assert!(code == 7 && msg.contains("port_mappings[0].protocol"), "{text}: {msg}");
    }
    let both = json!({"hostPort": 53, "containerPort": 5353, "protocol": "udp,tcp"});
    let call = testbed.runtime("c1", json!([both]));
    add(&call);
    del(&call);
}

fn the_ipv6_loopback_address_is_neither_mapped_nor_taken(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let keys = json!({"cniVersion": "1.0.0", "delegate": dual_stack()});
    let one = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    let _own = testbed.host.serve_on(Traffic::Http, "::1", 8080);
    let answer = reached(&testbed.host, "[::1]", 8080, "the host's own service");
    assert_eq!(answer, "host saw ::1", "the plugin does not take its connections");
    let answer = reached(&testbed.host, "[fd00:168::1]", 8080, "another own address");
    assert!(answer.starts_with("c1 saw "), "{answer}");
    let call = one.call.clone().container_id("c2");
    let at = json!({"portMappings": [port_at("::1", 8081, 80)]});
    let (code, msg, _) = call.key("runtimeConfig", at).run(plugin()).error();
    assert!(code == 7 && msg.contains("hostIP: \"::1\" cannot be mapped"), "{msg}");
}

fn a_neighbour_keeps_its_address_without_snat_if_the_bridge_passes_packets_to_iptables(
    backend: &'static str,
) {
    let seen = |snat: bool| {
        let testbed = TrafficTestbed::new(backend);
        testbed.host.bridge_netfilter(true);
        let one = testbed.start("c1", json!({"snat": snat}), json!([port(8080, 80)]));
        let two = testbed.start("c2", json!({"snat": snat}), json!([]));
        let _server = one.container.serve(Traffic::Http, 80);
        reached(&two.container, HOST, 8080, "from a neighbour")
    };
    assert_eq!(seen(false), "c1 saw 192.168.0.3", "the neighbour");
    assert_eq!(seen(true), "c1 saw 192.168.0.1", "the bridge");
}

#[test]
fn a_default_route_that_is_added_twice_fails_with_the_remedy_in_the_message() {
    let delegate = |gateway: &str| {
        json!({
            "type": "bridge", "bridge": BRIDGE, gateway: true, "ipMasq": true,
            "ipam": {"type": "host-local", "subnet": "192.168.0.0/16",
                "routes": [{"dst": "0.0.0.0/0"}]},
        })
    };
    let run = |gateway| {
        let testbed = TrafficTestbed::new(NFTABLES);
        let container = testbed.host.container("c1");
        let network = testbed.network(json!({"delegate": delegate(gateway)}));
        mesos(&network, &container, &[tcp(8080, 80)]).run(plugin())
    };
    let (_, msg, _) = run("isDefaultGateway").error();
    assert!(msg.contains("file exists"), "the delegate's own message: {msg}");
    assert!(msg.contains("0.0.0.0/0 in ipam.routes; remove one of them"), "the remedy: {msg}");
    run("isGateway").expect_success();
}

#[test]
fn portmaps_marks_are_refused_with_the_reason_and_do_not_stop_del() {
    let testbed = RulesTestbed::new(NFTABLES);
    for (key, value) in
        [("externalSetMarkChain", json!("KUBE-MARK-MASQ")), ("markMasqBit", json!(13))]
    {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(key, value);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 7, "{msg}");
        assert!(msg.starts_with(key) && msg.contains("no packets"), "{msg}");
        assert!(msg.contains("remove the key"), "{msg}");
        del(&call);
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(key, json!(null));
        add(&call);
        del(&call);
    }
}

#[test]
fn keys_are_read_in_any_letter_case_as_portmap_reads_them() {
    let testbed = RulesTestbed::new(NFTABLES);
    for (typed, value, meant) in [
        ("conditionsv4", json!(["-s", "192.0.2.0/24"]), "conditionsV4: "),
        ("MASQALL", json!("maybe"), "masqAll: "),
        ("SNAT", json!(1), "snat: "),
    ] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(typed, value);
        let (code, msg, _) = call.run(plugin()).error();
        assert!(code == 7 && msg.starts_with(meant), "{typed}: {code} {msg}");
    }
}

#[test]
fn a_mistyped_key_is_a_warning_and_the_add_succeeds() {
    let testbed = RulesTestbed::new(NFTABLES);
    for (typed, meant) in [
        ("exclude_devices", "excludeDevices"),
        ("conditions", "conditionsV4"),
        ("cahin", "chain"),
        ("backends", "backend"),
        ("externalSetMarkChains", "externalSetMarkChain"),
        ("delegates", "delegate"),
    ] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(typed, json!(null));
        let stderr = add(&call).stderr;
        let warning = format!("{typed} is not a known key; did you mean {meant}?");
        assert!(stderr.contains(&warning), "{typed}: {stderr}");
        assert!(!del(&call).stderr.contains("did you mean"), "DEL does not repeat it");
    }
    let mapping = json!([{"hostport": 8080, "ContainerPort": 80, "proto": "udp", "hostIps": ""}]);
    let call = testbed.runtime("c1", mapping);
    let stderr = add(&call).stderr;
    for (typed, meant) in [("proto", "protocol"), ("hostIps", "hostIP")] {
        let path = format!("runtimeConfig.portMappings[0].{typed} is not a known key");
        let warning = format!("{path}; did you mean {meant}?");
        assert_eq!(stderr.matches(&warning).count(), 1, "{typed}: {stderr}");
    }
    assert!(!stderr.contains("hostport"), "keys are read in any letter case: {stderr}");
    del(&call);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    let foreign = call.key("cni.dev/x", json!(1)).key("_chain", json!(1)).key("bridge", json!(1));
    let stderr = add(&foreign.key("comment", json!("chain"))).stderr;
    assert!(!stderr.contains("did you mean"), "keys of others are their own: {stderr}");
}

#[test]
fn an_address_of_an_interface_without_sandbox_is_named_in_code_102() {
    let testbed = RulesTestbed::new(NFTABLES);
    for (interfaces, index, expected) in [
        (
            json!([{"name": "eth0"}]),
            0,
            "10.0.0.2/24 belongs to interface eth0, which has no sandbox",
        ),
        (
            json!([{"name": "eth0", "sandbox": "/x"}, {"name": "net1", "sandbox": "/x"}]),
            1,
            "10.0.0.2/24 belongs to interface net1, not to eth0",
        ),
    ] {
        let result = json!({
            "cniVersion": "1.1.0", "interfaces": interfaces,
            "ips": [{"address": "10.0.0.2/24", "interface": index}],
        });
        let call = testbed.runtime("c1", json!([port(8080, 80)])).key("delegate", json!(null));
        let (code, msg, _) = call.key("prevResult", result).run(plugin()).error();
        assert_eq!(code, 102, "{msg}");
        assert!(msg.contains(expected), "{msg}");
    }
}

#[test]
fn a_child_container_id_that_mesos_allows_is_refused_with_the_rule_and_cleaned_up() {
    let testbed = RulesTestbed::new(NFTABLES);
    for id in ["parent:child", "a b", "parent@child", "b\u{fc}ro"] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).container_id(id);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 4, "{msg}");
        let rule = "a container id must start with an alphanumeric character, optionally followed";
        assert!(msg.contains("CNI_CONTAINERID") && msg.contains(rule), "{id}: {msg}");
        // Mesos calls DEL after every ADD that failed, and would repeat it for ever.
        del(&call);
    }
    assert_eq!(testbed.plugins.verbs().last().map(String::as_str), Some("inner DEL"));
}

/// Debian's plugins refuse such an id on DEL as well.
#[test]
fn a_del_with_such_an_id_succeeds_although_the_delegate_refuses_the_id() {
    let testbed = TrafficTestbed::new(NFTABLES);
    let container = testbed.host.container("c1");
    let call = mesos(&testbed.network(json!({})), &container, &[tcp(8080, 80)]);
    let call = call.container_id("parent:child");
    assert_eq!(call.run(plugin()).error().0, 4);
    let outcome = del(&call);
    assert!(outcome.stderr.contains("DEL of delegate bridge is skipped"), "{}", outcome.stderr);
    del(&call.without_netns());
}

/// A task's author who can choose an id must not be able to remove the rules of another container.
#[test]
fn a_del_with_an_id_that_imitates_a_tag_removes_nothing_of_another_container() {
    for backend in [NFT, LEGACY, NFTABLES] {
        let testbed = RulesTestbed::new(backend);
        let long = "c".repeat(200);
        let calls = ["c1", &long].map(|id| testbed.call(id, &[tcp(8000 + id.len() as u16, 80)]));
        calls.iter().for_each(|call| drop(add(call)));
        let before = testbed.own_rules();
        let (_, abbreviated) = before.split_once("container_id: cc").expect("a tag");
        let abbreviated = format!("cc{}", abbreviated.split(' ').next().expect("an id"));
        assert!(abbreviated.contains('~'), "{abbreviated}");
        let imitation = "c1 network: mesos ifname: eth0";
        for id in [imitation, &abbreviated] {
            let outcome = del(&calls[0].clone().container_id(id));
            assert_eq!(testbed.own_rules(), before, "{backend}: {id}");
            assert!(outcome.stderr.contains("its ADD was refused"), "{}", outcome.stderr);
        }
        calls.iter().for_each(|call| drop(del(call)));
        assert_eq!(testbed.own_rules(), "", "{backend}");
    }
}
