//! `conditionsV4` and `conditionsV6`: who is let in, and how rules with conditions are recognised.

use cni_test_kit::{CallBuilder, Host, Neighbour, Traffic};
use serde_json::{Value, json};

use super::checks::check;
use super::kinds::dual_stack;
use super::testbed::{CLIENT, NFTABLES, RulesTestbed, STATE, TrafficTestbed, port, port_at};
use super::variants::{Alternatives, NFT};
use crate::common::own_rules::flush_firewall;
use crate::common::{CHAIN, HOST, add, del, plugin, reached, tcp, unreached};

on_both_iptables!(
    only_clients_that_match_conditions_v4_are_let_in,
    each_of_several_addresses_is_let_in,
    only_clients_that_match_conditions_v6_are_let_in,
    conditions_of_one_family_leave_the_other_open_and_a_warning_says_so,
    a_repeated_add_with_other_conditions_replaces_them,
    restore_recreates_rules_with_their_conditions,
    conditions_apply_next_to_a_host_address_and_excluded_devices,
    check_reports_a_rule_without_its_conditions,
    conditions_that_iptables_prints_differently_are_recognised,
    an_unknown_match_fails_the_add_and_leaves_nothing,
    a_match_that_iptables_cannot_delete_again_fails_the_add_and_leaves_nothing,
);

/// The host's address on the second link, and the client there.
const SECOND_LINK: &str = "198.51.100.1";
const SECOND_CLIENT: &str = "198.51.100.9";

fn second_client(host: &Host) -> Neighbour {
    host.neighbour("second", &format!("{SECOND_LINK}/24"), &format!("{SECOND_CLIENT}/24"))
}

fn only_clients_that_match_conditions_v4_are_let_in(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let second = second_client(&testbed.host);
    for (conditions, allowed) in [
        (json!(["-s", "203.0.113.0/24"]), [true, false]),
        (json!(["!", "--source", CLIENT]), [false, true]),
        (json!(["-m", "iprange", "--src-range", "198.51.100.2-198.51.100.20"]), [false, true]),
        (json!([]), [true, true]),
    ] {
        let keys = json!({ "conditionsV4": conditions });
        let one = testbed.start("c1", keys, json!([port(8080, 80)]));
        let _server = one.container.serve(Traffic::Http, 80);
        let clients = [(&testbed.outside, HOST, CLIENT), (&second, SECOND_LINK, SECOND_CLIENT)];
        for ((client, address, own), allowed) in clients.into_iter().zip(allowed) {
            let why = format!("{} with {conditions}", client.name());
            match allowed {
                true => assert_eq!(reached(client, address, 8080, &why), format!("c1 saw {own}")),
                false => unreached(client, address, 8080, &why),
            }
        }
        if conditions != json!([]) && allowed == [true, false] {
            // As with `portmap`: they apply to every connection.
            unreached(&testbed.host, "127.0.0.1", 8080, "the host is not in the subnet");
            unreached(&one.container, SECOND_LINK, 8080, "neither is the container");
        }
        one.del();
        assert_eq!(testbed.own_rules(), "", "DEL removes the rules with {conditions}");
        testbed.host.run("ip netns delete c1");
    }
}

fn each_of_several_addresses_is_let_in(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let second = second_client(&testbed.host);
    let third = testbed.host.neighbour("third", "192.0.2.1/24", "192.0.2.9/24");
    let keys = json!({"conditionsV4": ["-s", format!("{CLIENT},{SECOND_CLIENT}")]});
    let one = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "the first of the list");
    reached(&second, SECOND_LINK, 8080, "the second of the list");
    unreached(&third, "192.0.2.1", 8080, "it is not in the list");
    one.del();
    assert_eq!(testbed.own_rules(), "");
}

fn only_clients_that_match_conditions_v6_are_let_in(backend: &'static str) {
    let mut testbed = TrafficTestbed::new(backend);
    testbed.outside = testbed.outside.with_addresses("2001:db8::1/64", "2001:db8::9/64");
    let second =
        second_client(&testbed.host).with_addresses("2001:db8:2::1/64", "2001:db8:2::9/64");
    let keys = json!({
        "cniVersion": "1.0.0", "delegate": dual_stack(),
        "conditionsV4": ["-s", SECOND_CLIENT], "conditionsV6": ["-s", "2001:db8::/64"],
    });
    let one = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, "[2001:db8::1]", 8080, "its IPv6 address is allowed");
    unreached(&testbed.outside, HOST, 8080, "but not its IPv4 address");
    unreached(&second, "[2001:db8:2::1]", 8080, "its IPv6 address is not allowed");
    reached(&second, SECOND_LINK, 8080, "but its IPv4 address is");
    one.del();
    assert_eq!(testbed.own_rules(), "");
}

fn conditions_of_one_family_leave_the_other_open_and_a_warning_says_so(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = |key: &str, value: Value| {
        let result = json!({"cniVersion": "1.1.0",
            "ips": [{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]});
        let call = testbed.runtime("c1", json!([port(8080, 80)]));
        call.key("delegate", json!(null)).key("prevResult", result).key(key, value)
    };
    for (key, value, other) in [
        ("conditionsV4", json!(["-s", "192.0.2.0/24"]), "IPv6"),
        ("conditionsV6", json!(["-s", "2001:db8::/64"]), "IPv4"),
    ] {
        let outcome = add(&call(key, value));
        let warning = format!("{key} does not apply to {other}");
        assert!(outcome.stderr.contains(&warning), "{}", outcome.stderr);
        del(&call("snat", json!(true)));
    }
}

fn a_repeated_add_with_other_conditions_replaces_them(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let second = second_client(&testbed.host);
    let keys = |conditions: Value| json!({ "conditionsV4": conditions });
    let one = testbed.start("c1", keys(json!(["-s", CLIENT])), json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    unreached(&second, SECOND_LINK, 8080, "before");
    for (conditions, allowed) in
        [(json!(["-s", SECOND_CLIENT]), [false, true]), (json!(null), [true, true])]
    {
        // The delegate refuses an interface that exists, so the plugin is called alone.
        let address = json!({"cniVersion": "1.0.0", "ips": [{"address": "192.168.0.2/16"}]});
        let call = one.call.clone().key("delegate", json!(null)).key("prevResult", address);
        add(&call.key("cniVersion", json!("1.0.0")).key("conditionsV4", conditions.clone()));
        for ((client, address), allowed) in
            [(&testbed.outside, HOST), (&second, SECOND_LINK)].into_iter().zip(allowed)
        {
            match allowed {
                true => drop(reached(client, address, 8080, &conditions.to_string())),
                false => unreached(client, address, 8080, &conditions.to_string()),
            }
        }
    }
    one.del();
    assert_eq!(testbed.own_rules(), "");
}

fn restore_recreates_rules_with_their_conditions(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let second = second_client(&testbed.host);
    let keys = json!({"conditionsV4": ["-s", CLIENT]});
    let one = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    let before = testbed.own_rules();
    flush_firewall(&testbed.host, backend);
    CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin()).expect_success();
    assert_eq!(testbed.own_rules(), before, "the same rules");
    reached(&testbed.outside, HOST, 8080, "let in again");
    unreached(&second, SECOND_LINK, 8080, "still not let in");
}

fn conditions_apply_next_to_a_host_address_and_excluded_devices(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    testbed.host.run("ip address add 203.0.113.2/24 dev outside");
    let second = second_client(&testbed.host);
    let keys = json!({"conditionsV4": ["!", "-d", "203.0.113.2"], "excludeDevices": ["second"]});
    let mappings = json!([port(8080, 80), port_at(HOST, 8081, 80)]);
    let one = testbed.start("c1", keys, mappings);
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "the address is not excluded");
    unreached(&testbed.outside, "203.0.113.2", 8080, "the address is excluded");
    reached(&testbed.outside, HOST, 8081, "the address of the mapping");
    unreached(&testbed.outside, SECOND_LINK, 8081, "another address than the mapping's");
    unreached(&second, SECOND_LINK, 8080, "the device is excluded");
    one.del();
    testbed.host.run("ip netns delete c1");
    let keys = json!({"conditionsV4": ["-i", "outside"], "excludeDevices": ["second"]});
    let one = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "by the device of the conditions");
    unreached(&one.container, HOST, 8080, "by another device");
    one.del();
    assert_eq!(testbed.own_rules(), "");
}

fn check_reports_a_rule_without_its_conditions(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for conditions in [json!(["-s", "192.0.2.0/24"]), json!(["-m", "mark", "--mark", "1"])] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key("conditionsV4", conditions.clone());
        add(&call);
        check(&call).expect_success();
        let rules = testbed.own_rules();
        let rule = rules.lines().find(|line| line.contains("DNAT --to-")).expect("a DNAT rule");
        let rule = rule.trim_start_matches("-A ");
        let open = rule.replace(" -s 192.0.2.0/24", "").replace(" -m mark --mark 0x1", "");
        assert_ne!(open, rule, "the rule has conditions");
        let run = |command: &str| testbed.host.sh(&format!("{backend} -w -t nat {command}"));
        run(&format!("-D {rule}"));
        run(&format!("-A {open}"));
        let (code, msg, _) = check(&call).error();
        assert_eq!(code, 103, "{conditions}: {msg}");
        assert!(msg.contains("missing: ") && msg.contains("unexpected: "), "{msg}");
        // One that is added to the right one is as bad.
        add(&call);
        check(&call).expect_success();
        run(&format!("-A {open}"));
        let (code, msg, _) = check(&call).error();
        assert!(code == 103 && msg.contains("unexpected: "), "{conditions}: {msg}");
        del(&call);
        assert_eq!(testbed.own_rules(), "");
    }
}

/// Conditions that are listed in another form than they are written.
fn unusual() -> Vec<Value> {
    vec![
        json!(["-m", "mark", "!", "--mark", "7"]),
        json!(["-m", "string", "--algo", "bm", "--string", "x -j ACCEPT -d b"]),
        json!(["-m", "comment", "--comment", "from the office", "--src", "192.0.2.1"]),
        json!(["-m", "tcp", "!", "--sport", "80", "-m", "limit", "--limit", "600/minute"]),
        json!(["-m", "conntrack", "--ctstate", "RELATED,NEW", "-s", "192.0.2.7/24,192.0.2.1"]),
        json!([
            "-m",
            "time",
            "--timestart",
            "00:00",
            "--weekdays",
            "Mon,Tue",
            "--destination=192.0.2.1"
        ]),
    ]
}

fn conditions_that_iptables_prints_differently_are_recognised(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    for conditions in unusual() {
        let mappings = json!([port(8080, 80), port_at("192.0.2.1", 8081, 80)]);
        let call = testbed.runtime("c1", mappings).key("conditionsV4", conditions.clone());
        add(&call);
        let rules = testbed.own_rules();
        check(&call).expect_success();
        let other = testbed.call("c2", &[tcp(8080, 80)]);
        assert_eq!(other.run(plugin()).error().0, 105, "the owner is found: {conditions}");
        testbed.host.run(&format!("mv {STATE} /run/lost"));
        assert_eq!(other.run(plugin()).error().0, 105, "by rules alone, too: {conditions}");
        testbed.host.sh(&format!("rm -r {STATE} && mv /run/lost {STATE}"));
        add(&call);
        assert_eq!(testbed.own_rules(), rules, "a repeated ADD changes nothing: {conditions}");
        check(&call).expect_success();
        testbed.host.run(&format!("rm -r {STATE}"));
        del(&call);
        assert_eq!(testbed.own_rules(), "", "DEL finds the rules by their tag: {conditions}");
    }
}

fn an_unknown_match_fails_the_add_and_leaves_nothing(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let conditions = json!(["-m", "geoguess", "--country", "AQ"]);
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("conditionsV4", conditions);
    let (code, msg, _) = call.run(plugin()).error();
    assert!(code == 7 && msg.contains("conditionsV4") && msg.contains("geoguess"), "{code} {msg}");
    assert_eq!(testbed.own_rules(), "", "nothing is left");
    assert_eq!(testbed.plugins.verbs(), ["inner ADD", "inner DEL"], "it was rolled back");
}

fn a_match_that_iptables_cannot_delete_again_fails_the_add_and_leaves_nothing(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let conditions = json!(["-m", "recent", "--set"]);
    let call = testbed.runtime("c1", json!([port(8080, 80), port(8081, 81)]));
    let call = call.key("conditionsV4", conditions);
    let (code, msg, _) = call.run(plugin()).error();
    assert!(code == 7 && msg.contains("conditionsV4: iptables does not find"), "{code} {msg}");
    assert_eq!(testbed.own_rules(), "", "nothing is left");
}

#[test]
fn with_nftables_conditions_are_refused_and_the_message_names_the_key_to_set() {
    let testbed = RulesTestbed::new(NFTABLES);
    for key in ["conditionsV4", "conditionsV6"] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key(key, json!(["-m", "mark"]));
        for (verb, expected) in [("ADD", 7), ("STATUS", 50)] {
            let (code, msg, _) = call.clone().as_verb(verb).run(plugin()).error();
            assert_eq!(code, expected, "{verb}: {msg}");
            for part in [key, "nftables", "\"backend\"", "iptables"] {
                assert!(msg.contains(part), "{part} is not in {msg}");
            }
        }
        del(&call);
    }
    assert_eq!(testbed.plugins.verbs()[0], "inner DEL", "the delegate was not called on ADD");
}

#[test]
fn conditions_are_refused_before_the_delegate_is_called_if_nftables_is_the_default() {
    let host = Alternatives::new(NFT, Value::Null);
    let call = host.call("c1", 8080).key("conditionsV4", json!(["-s", "192.0.2.0/24"]));
    let without_iptables = call.env("PATH", "/nowhere");
    let (code, msg, _) = without_iptables.run(plugin()).error();
    assert_eq!(code, 7, "{msg}");
    assert!(msg.contains("install iptables") && msg.contains("conditionsV4"), "{msg}");
    assert_eq!(host.testbed.plugins.verbs(), [] as [&str; 0], "the delegate was not called");
}

#[test]
fn arguments_that_change_the_command_are_refused_and_no_shell_sees_the_others() {
    let testbed = RulesTestbed::new(NFT);
    for bad in [
        json!([""]),
        json!(["-s 192.0.2.1"]),
        json!(["-j", "ACCEPT"]),
        json!(["-jACCEPT"]),
        json!(["--jump=ACCEPT"]),
        json!(["--ju", "ACCEPT"]),
        json!(["-g", "X"]),
        json!(["-t", "mangle"]),
        json!(["-A", "INPUT"]),
        json!(["--modprobe=/bin/false"]),
        json!(["-s", "example.com"]),
        json!(["-s", "fd00::1"]),
        json!(["!", "-s", "192.0.2.1,192.0.2.2"]),
        json!(["-s", "192.0.2.1", "--src", "192.0.2.2"]),
        json!(["-s"]),
        json!(["-m", "../x"]),
        json!(["-m", "string", "--string", "a\nCOMMIT"]),
        json!(["-m", "string", "--string", "a\"b"]),
        json!([3]),
        json!("-s 192.0.2.1"),
    ] {
        let call = testbed.call("c1", &[tcp(8080, 80)]).key("conditionsV4", bad.clone());
        let (code, msg, _) = call.run(plugin()).error();
        assert!(code == 7 && msg.starts_with("conditionsV4"), "{bad}: {code} {msg}");
    }
    assert_eq!(testbed.plugins.verbs(), [] as [&str; 0], "the delegate was not called");
    let harmless = json!(["-m", "comment", "--comment", "$(touch /run/shell) `touch /run/shell`"]);
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("conditionsV4", harmless);
    add(&call);
    assert!(testbed.own_rules().contains("$(touch /run/shell)"), "it is an argument");
    assert_eq!(testbed.host.sh("ls /run/shell 2>/dev/null || :"), "", "and not a command");
    del(&call);
    assert!(!testbed.own_rules().contains(CHAIN));
}
