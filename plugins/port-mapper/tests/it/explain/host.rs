//! Hosts whose settings, processes or records are wrong.

use cni_test_kit::{CallBuilder, Traffic};
use serde_json::json;

use super::testbed::{Explained, all_are_ok, commands, fails, is_unknown, names, steps};
use crate::behaviour::testbed::{BRIDGE, CLIENT, STATE, TrafficTestbed, port, port_at};
use crate::common::{HOST, plugin, reached, unreached};

on_every_backend!(
    a_host_in_order_has_no_failed_step_from_anywhere,
    a_port_that_no_container_has_mapped_is_named_by_the_owner,
    a_container_that_is_gone_is_named_by_the_owner,
    a_lost_record_is_shown_as_unknown_and_never_as_in_order,
    rules_that_a_firewall_reload_removed_are_named,
    an_excluded_device_is_named,
    an_excluded_device_leaves_no_step_open,
    forwarding_that_is_off_is_named,
    forwarding_that_is_off_for_one_interface_is_named,
    rp_filter_is_named_where_the_route_to_the_client_leads_elsewhere,
    a_missing_route_to_the_client_is_named,
    a_missing_route_to_the_container_is_named,
    route_localnet_that_is_off_is_named_for_127_0_0_1,
    a_process_of_the_host_on_the_same_port_is_named,
    a_process_of_the_host_at_an_address_that_the_client_does_not_use_is_no_obstacle,
    a_host_address_that_the_host_no_longer_has_is_named,
);
on_both_iptables!(
    a_client_that_conditions_shut_out_is_named,
    conditions_that_a_client_matches_are_in_order,
    conditions_that_are_not_understood_are_unknown,
);

fn a_host_in_order_has_no_failed_step_from_anywhere(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    reached(&explained.testbed.outside, HOST, 8080, "it is in order");
    for from in [None, Some(CLIENT), Some("127.0.0.1"), Some(HOST), Some("192.168.0.2")] {
        let arguments: Vec<&str> = ["8080"]
            .into_iter()
            .chain(from.map(|from| ["--from", from]).into_iter().flatten())
            .collect();
        let steps = steps(host, &arguments);
        let known = names(&steps, "ok");
        assert_eq!(
            known.len(),
            steps.len(),
            "{from:?}: all steps are known and in order: {steps:#?}"
        );
    }
    let text =
        CallBuilder::cli(&["explain", "8080/tcp"]).within(host).run(plugin()).expect_success();
    assert!(text.stdout.contains("✔ service: listens on tcp port 80"), "{text}");
    assert!(!text.stdout.contains('✘') && !text.stdout.contains('?'), "{text}");
}

fn a_port_that_no_container_has_mapped_is_named_by_the_owner(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    fails(host, &["8081"], "owner", &["no container", "mesos-cni-port-mapper list"]);
    let words = ["no container has mapped udp host port 8080; container c1", "explain 8080/tcp"];
    fails(host, &["8080/udp"], "owner", &words);
    let six = ["8080", "--from", "2001:db8::9"];
    fails(host, &six, "owner", &["for IPv6; container c1", "container port 80, for IPv4"]);
    all_are_ok(host, &["8080", "--from", &format!("::ffff:{CLIENT}")]);
}

fn a_container_that_is_gone_is_named_by_the_owner(backend: &'static str) {
    let explained = Explained::new(backend);
    drop(explained.server);
    explained.running.container.delete();
    let host = &explained.testbed.host;
    fails(host, &["8080", "--from", CLIENT], "owner", &["c1", "no longer exists", "gc"]);
}

fn a_lost_record_is_shown_as_unknown_and_never_as_in_order(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.host().run(&format!("rm -r {STATE}"));
    is_unknown(explained.host(), &["8080"], "owner", &["c1", "no record", "gc --force c1"]);
}

fn rules_that_a_firewall_reload_removed_are_named(backend: &'static str) {
    let explained = Explained::new(backend);
    match backend {
        "nftables" => explained.host().run("nft delete table inet mesos-cni-port-mapper"),
        iptables => explained.host().run(&format!("{iptables} -w -t nat -F PREROUTING")),
    };
    unreached(&explained.testbed.outside, HOST, 8080, "the rules are missing");
    explained.fails("rules", &["missing", "mesos-cni-port-mapper restore"]);
}

fn an_excluded_device_is_named(backend: &'static str) {
    let explained = Explained::with(backend, json!({"excludeDevices": ["out+", "other"]}));
    unreached(&explained.testbed.outside, HOST, 8080, "its device is excluded");
    explained.fails("excluded devices", &["outside", "out+", "excludeDevices"]);
    all_are_ok(explained.host(), &["8080"]);
}

fn an_excluded_device_leaves_no_step_open(backend: &'static str) {
    let explained = Explained::with(backend, json!({"excludeDevices": [BRIDGE]}));
    reached(&explained.testbed.outside, HOST, 8080, "another device is excluded");
    all_are_ok(explained.host(), &["8080"]);
    explained.is_in_order();
}

fn a_client_that_conditions_shut_out_is_named(backend: &'static str) {
    let conditions = json!({"conditionsV4": ["-s", "198.51.100.0/24"]});
    let explained = Explained::with(backend, conditions);
    unreached(&explained.testbed.outside, HOST, 8080, "it does not match");
    let words = ["203.0.113.9 does not match -s 198.51.100.0/24", "conditionsV4"];
    explained.fails("conditions", &words);
    all_are_ok(explained.host(), &["8080"]);
}

fn conditions_that_a_client_matches_are_in_order(backend: &'static str) {
    let conditions = json!({"conditionsV4": ["!", "-s", "198.51.100.0/24", "-i", "outside"]});
    let explained = Explained::with(backend, conditions);
    reached(&explained.testbed.outside, HOST, 8080, "it matches");
    explained.is_in_order();
    explained.host().run("ip link add other type bridge");
    explained.host().run("ip link set other up");
    let other = ["8080", "--from", "203.0.113.7%other"];
    fails(explained.host(), &other, "conditions", &["does not match", "-i outside"]);
}

fn conditions_that_are_not_understood_are_unknown(backend: &'static str) {
    let conditions = json!({"conditionsV4": ["-m", "length", "--length", "40:"]});
    let explained = Explained::with(backend, conditions);
    let from = ["8080", "--from", CLIENT];
    is_unknown(explained.host(), &from, "conditions", &["--length 40:"]);
}

fn forwarding_that_is_off_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.host().write("/proc/sys/net/ipv4/ip_forward", "0");
    unreached(&explained.testbed.outside, HOST, 8080, "nothing is forwarded");
    explained.fails("forwarding", &["net.ipv4.ip_forward is 0", "sysctl -w net.ipv4.ip_forward=1"]);
}

fn forwarding_that_is_off_for_one_interface_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.host().write("/proc/sys/net/ipv4/conf/outside/forwarding", "0");
    unreached(&explained.testbed.outside, HOST, 8080, "nothing is forwarded from there");
    explained.fails("forwarding", &["sysctl -w net/ipv4/conf/outside/forwarding=1"]);
}

/// Makes answers to the client leave by another interface than its packets arrive by.
fn route_elsewhere(testbed: &TrafficTestbed) {
    testbed.host.sh(&format!(
        "ip link add elsewhere type bridge
         ip link set elsewhere up
         ip route add {CLIENT}/32 dev elsewhere"
    ));
}

fn rp_filter_is_named_where_the_route_to_the_client_leads_elsewhere(backend: &'static str) {
    let explained = Explained::new(backend);
    route_elsewhere(&explained.testbed);
    explained.host().write("/proc/sys/net/ipv4/conf/all/rp_filter", "1");
    unreached(&explained.testbed.outside, HOST, 8080, "the kernel drops its packets");
    explained.fails(
        "rp_filter",
        &["outside", "elsewhere", "sysctl -w net/ipv4/conf/outside/rp_filter=2"],
    );
    // The larger one of the two settings counts, so 0 would change nothing.
    explained.host().run("sysctl -w net/ipv4/conf/outside/rp_filter=0");
    explained.fails("rp_filter", &[]);
    let failed = steps(explained.host(), &["8080", "--from", CLIENT]);
    let failed = failed.iter().find(|step| step["status"] == "failed").expect("it");
    explained.host().sh(&commands(failed).join("\n"));
    let after = steps(explained.host(), &["8080", "--from", CLIENT]);
    assert_eq!(names(&after, "failed"), [] as [&str; 0], "the kernel accepts them: {after:#?}");
    explained.host().run("sysctl -w net/ipv4/conf/outside/rp_filter=1");
    let named = format!("{CLIENT}%elsewhere");
    let steps = steps(explained.host(), &["8080", "--from", &named]);
    assert_eq!(
        names(&steps, "failed"),
        [] as [&str; 0],
        "it would arrive by the other: {steps:#?}"
    );
}

fn a_missing_route_to_the_client_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    let far = ["8080", "--from", "198.51.100.7%outside"];
    fails(explained.host(), &far, "answers", &["no route to 198.51.100.7", "ip route add"]);
}

fn a_missing_route_to_the_container_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    explained.host().run(&format!("ip route del 192.168.0.0/16 dev {BRIDGE}"));
    unreached(&explained.testbed.outside, HOST, 8080, "there is no route");
    explained.fails("route", &["192.168.0.2", "ip route get"]);
}

fn route_localnet_that_is_off_is_named_for_127_0_0_1(backend: &'static str) {
    let explained = Explained::new(backend);
    let setting = format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet");
    explained.host().write(&setting, "0");
    unreached(explained.host(), "127.0.0.1", 8080, "the kernel does not route it");
    let local = ["8080", "--from", "127.0.0.1"];
    fails(explained.host(), &local, "127.0.0.1", &[BRIDGE, "mesos-cni-port-mapper restore"]);
}

fn a_process_of_the_host_on_the_same_port_is_named(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let _process = testbed.host.serve(Traffic::Http, 8080);
    let running = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let _server = running.container.serve(Traffic::Http, 80);
    let from = ["8080", "--from", CLIENT];
    fails(&testbed.host, &from, "host process", &["(process ", "tcp port 8080", "ss -lnpt"]);
}

fn a_process_of_the_host_at_an_address_that_the_client_does_not_use_is_no_obstacle(
    backend: &'static str,
) {
    let testbed = TrafficTestbed::new(backend);
    let _process = testbed.host.serve_on(Traffic::Http, "127.0.0.1", 8080);
    let running = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let _server = running.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "the process does not receive it");
    all_are_ok(&testbed.host, &["8080", "--from", CLIENT]);
    all_are_ok(&testbed.host, &["8080"]);
    let local = ["8080", "--from", "127.0.0.1"];
    fails(&testbed.host, &local, "host process", &["(process ", "(127.0.0.1)"]);
}

fn a_host_address_that_the_host_no_longer_has_is_named(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let mapping = json!([port_at(HOST, 8080, 80)]);
    let running = testbed.start("c1", json!({}), mapping);
    let _server = running.container.serve(Traffic::Http, 80);
    let from = ["8080", "--from", CLIENT];
    reached(&testbed.outside, HOST, 8080, "the host has the address");
    all_are_ok(&testbed.host, &from);
    testbed.host.run("ip address add 203.0.113.2/24 dev outside");
    testbed.host.run(&format!("ip address del {HOST}/24 dev outside"));
    testbed.host.run("ip address replace 203.0.113.2/24 dev outside");
    unreached(&testbed.outside, "203.0.113.2", 8080, "the port is mapped at the other address");
    fails(&testbed.host, &from, "host address", &["does not have 203.0.113.1", "hostIP"]);
}
