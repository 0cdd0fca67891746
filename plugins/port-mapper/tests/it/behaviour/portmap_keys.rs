//! Keys and values of the reference `portmap`, of Marathon, Podman and Mesos, and mistyped keys.

use serde_json::json;

use super::testbed::{NFTABLES, RulesTestbed, port, port_at};
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    any_address_of_a_family_that_the_container_lacks_is_a_warning_next_to_the_other_family,
    a_protocol_may_be_a_list,
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
        let list = testbed.host.run(&format!("{} list --json", plugin().display()));
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
fn a_mistyped_key_is_a_warning_and_the_add_succeeds() {
    let testbed = RulesTestbed::new(NFTABLES);
    for (typed, meant) in [
        ("exclude_devices", "excludeDevices"),
        ("conditionsv4", "conditionsV4"),
        ("conditions", "conditionsV4"),
        ("Chain", "chain"),
        ("cahin", "chain"),
        ("masqall", "masqAll"),
        ("backends", "backend"),
        ("externalSetMarkChains", "externalSetMarkChain"),
        ("runtimeconfig", "runtimeConfig"),
        ("delegates", "delegate"),
    ] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(typed, json!(null));
        let stderr = add(&call).stderr;
        let warning = format!("{typed} is not a known key; did you mean {meant}?");
        assert!(stderr.contains(&warning), "{typed}: {stderr}");
        assert!(!del(&call).stderr.contains("did you mean"), "DEL does not repeat it");
    }
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
