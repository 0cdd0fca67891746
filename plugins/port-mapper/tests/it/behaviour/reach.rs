//! From where mapped ports are reachable, and with which source address.

use cni_test_kit::{Host, Traffic};
use serde_json::json;

use super::nft::TABLE;
use super::testbed::{BRIDGE, CLIENT, NFTABLES, STATE, TrafficTestbed, port, route_localnet};
use crate::common::{HOST, add, del, mesos, reached, tcp, unreached};

on_every_backend!(
    the_host_and_clients_outside_reach_the_port_and_clients_keep_their_address,
    the_container_itself_and_its_neighbour_reach_the_port,
    every_excluded_device_and_wildcard_is_excluded,
    without_snat_only_mappings_that_work_without_it_are_reachable,
    with_masq_all_the_server_sees_the_host,
    the_guard_keeps_a_machine_on_the_bridge_out_of_services_on_127_0_0_1,
    route_localnet_is_enabled_from_the_first_container_to_the_last,
    route_localnet_that_was_enabled_before_stays_enabled,
    a_lost_state_directory_does_not_open_127_0_0_1_to_the_bridge,
);

fn the_host_and_clients_outside_reach_the_port_and_clients_keep_their_address(
    backend: &'static str,
) {
    let testbed = TrafficTestbed::new(backend);
    let container = testbed.host.container("c1");
    let call = mesos(&testbed.network(json!({})), &container, &[tcp(8080, 80)]);
    add(&call);
    let _server = container.serve(Traffic::Http, 80);
    let answer = reached(&testbed.outside, HOST, 8080, "a client outside");
    assert_eq!(answer, format!("c1 saw {CLIENT}"), "the client's address is kept");
    for address in [HOST, "192.168.0.1", "127.0.0.1", "127.0.0.2"] {
        let answer = reached(&testbed.host, address, 8080, "the host by an address of its own");
        assert!(answer.starts_with("c1 saw "), "{address}: {answer}");
    }
    unreached(&testbed.outside, HOST, 80, "only the host port is mapped");
    del(&call);
    unreached(&testbed.outside, HOST, 8080, "nothing is mapped after DEL");
    unreached(&testbed.host, "127.0.0.1", 8080, "nothing is mapped after DEL");
    assert_eq!(testbed.own_rules(), "", "DEL leaves no rule");
}

fn the_container_itself_and_its_neighbour_reach_the_port(backend: &'static str) {
    for bridge_netfilter in [false, true] {
        let testbed = TrafficTestbed::new(backend);
        testbed.host.bridge_netfilter(bridge_netfilter);
        let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
        let two = testbed.start("c2", json!({}), json!([]));
        let _server = one.container.serve(Traffic::Http, 80);
        for place in [&one.container, &two.container] {
            for address in [HOST, "192.168.0.1"] {
                let why = format!("bridge-nf {bridge_netfilter}, by {address}");
                let answer = reached(place, address, 8080, &why);
                assert!(answer.starts_with("c1 saw "), "{why}: {answer}");
            }
        }
    }
}

fn every_excluded_device_and_wildcard_is_excluded(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let [one, wild] = [("one", 1), ("wild7", 2)].map(|(name, net)| {
        testbed.host.neighbour(name, &format!("10.9.{net}.1/24"), &format!("10.9.{net}.9/24"))
    });
    let keys = json!({"excludeDevices": ["one", BRIDGE, "wild+"]});
    let first = testbed.start("c1", keys, json!([port(8080, 80)]));
    let _server = first.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "by a device that is not excluded");
    reached(&testbed.host, HOST, 8080, "from the host itself");
    unreached(&one, "10.9.1.1", 8080, "the first of the list is excluded");
    unreached(&one, HOST, 8080, "the device matters, not the address");
    unreached(&first.container, HOST, 8080, "the one in the middle is excluded");
    unreached(&wild, "10.9.2.1", 8080, "all names that match the wildcard are excluded");
    let second = testbed.start("c2", json!({}), json!([port(8081, 80)]));
    let _server = second.container.serve(Traffic::Http, 80);
    reached(&wild, "10.9.2.1", 8081, "an exclusion applies to its own container only");
}

fn without_snat_only_mappings_that_work_without_it_are_reachable(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({"snat": false}), json!([port(8080, 80)]));
    let two = testbed.start("c2", json!({"snat": false}), json!([]));
    let _server = one.container.serve(Traffic::Http, 80);
    let answer = reached(&testbed.outside, HOST, 8080, "a client outside needs no source NAT");
    assert_eq!(answer, format!("c1 saw {CLIENT}"), "its address is kept");
    reached(&testbed.host, HOST, 8080, "nor does the host by its own address");
    unreached(&one.container, HOST, 8080, "the container would answer itself");
    unreached(&two.container, HOST, 8080, "the answer would not pass the host");
    unreached(&testbed.host, "127.0.0.1", 8080, "127.0.0.1 is another host in there");
    let rules = testbed.own_rules().to_lowercase();
    assert!(!rules.contains("masq"), "there is no masquerade rule: {rules}");
    assert!(!rules.contains("guard"), "without the setting no guard is needed: {rules}");
    assert!(!route_localnet(&testbed.host, BRIDGE), "route_localnet is not enabled");
}

fn with_masq_all_the_server_sees_the_host(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({"masqAll": true}), json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    let hosts = "c1 saw 192.168.0.1";
    assert_eq!(reached(&testbed.outside, HOST, 8080, "outside"), hosts, "a client outside");
    assert_eq!(reached(&testbed.host, "127.0.0.1", 8080, "127.0.0.1"), hosts, "127.0.0.1");
    assert_eq!(reached(&one.container, HOST, 8080, "hairpin"), hosts, "the container itself");
}

/// Makes the container send packets for 127.0.0.0/8 to the host.
fn route_localhost_to_the_host(place: &cni_test_kit::Netns) {
    place.sh("ip link set lo down
         echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
         ip address flush dev lo
         ip route add 127.0.0.0/8 via 192.168.0.1");
}

fn the_guard_keeps_a_machine_on_the_bridge_out_of_services_on_127_0_0_1(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let attacker = testbed.start("c2", json!({}), json!([])).container;
    route_localhost_to_the_host(&attacker);
    let _secret = testbed.host.serve_on(Traffic::Http, "127.0.0.1", 7000);
    reached(&testbed.host, "127.0.0.1", 7000, "the service works");
    assert!(route_localnet(&testbed.host, BRIDGE), "the kernel itself would let it pass");
    unreached(&attacker, "127.0.0.1", 7000, "the guard drops it");
    without_guard(&testbed.host, backend);
    let answer = reached(&attacker, "127.0.0.1", 7000, "without the guard it gets in");
    assert_eq!(answer, "host saw 192.168.0.3", "so it is the guard that keeps it out");
    testbed.start("c3", json!({}), json!([port(8081, 80)]));
    unreached(&attacker, "127.0.0.1", 7000, "the next ADD puts the guard back");
    one.del();
    unreached(&attacker, "127.0.0.1", 7000, "it stays while another container needs it");
}

fn without_guard(host: &Host, backend: &str) {
    match backend {
        NFTABLES => host.run(&format!("nft flush chain {TABLE} guard")),
        iptables => host.run(&format!("{iptables} -w -t raw -F PORT-MAPPER-GUARD")),
    };
}

fn route_localnet_is_enabled_from_the_first_container_to_the_last(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let two = testbed.start("c2", json!({}), json!([port(8081, 80)]));
    let _server = two.container.serve(Traffic::Http, 80);
    assert!(route_localnet(&testbed.host, BRIDGE), "enabled with the first");
    for other in ["all", "outside", "lo"] {
        assert!(
            !route_localnet(&testbed.host, other),
            "enabled on the bridge only, not on {other}"
        );
    }
    one.del();
    assert!(route_localnet(&testbed.host, BRIDGE), "the second still needs it");
    reached(&testbed.host, "127.0.0.1", 8081, "the second still works");
    let rules = testbed.own_rules().to_lowercase();
    assert!(rules.contains("guard"), "and the guard still exists: {rules}");
    two.del();
    assert!(!route_localnet(&testbed.host, BRIDGE), "disabled with the last");
    assert_eq!(testbed.own_rules(), "", "and the guard was removed");
}

fn route_localnet_that_was_enabled_before_stays_enabled(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    testbed.start("c0", json!({}), json!([]));
    testbed.host.write(&format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet"), "1");
    let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    one.del();
    assert!(route_localnet(&testbed.host, BRIDGE), "the program that enabled it will disable it");
    assert_eq!(testbed.own_rules(), "", "no own rules are left");
}

fn a_lost_state_directory_does_not_open_127_0_0_1_to_the_bridge(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([port(8080, 80)]));
    let attacker = testbed.start("c2", json!({}), json!([])).container;
    route_localhost_to_the_host(&attacker);
    let _secret = testbed.host.serve_on(Traffic::Http, "127.0.0.1", 7000);
    testbed.host.run(&format!("rm -r {STATE}"));
    one.del();
    assert!(!testbed.own_rules().contains("container_id: "), "no rule of the container is left");
    assert!(route_localnet(&testbed.host, BRIDGE), "the kernel itself would let it pass");
    unreached(&attacker, "127.0.0.1", 7000, "it is unknown who enabled it: the guard stays");
    one.del();
    let next = testbed.start("c3", json!({}), json!([port(8080, 80)]));
    next.del();
    assert!(route_localnet(&testbed.host, BRIDGE), "the kernel itself would let it pass");
    unreached(&attacker, "127.0.0.1", 7000, "also after the next containers");
    testbed.host.write(&format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet"), "0");
    next.del();
    assert_eq!(testbed.own_rules(), "", "without the setting no guard is needed");
}
