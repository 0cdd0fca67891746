//! Kinds of mappings: protocols, ranges, single addresses of the host, IPv6, many at once.

use cni_test_kit::{CallBuilder, Netns, Traffic};
use serde_json::{Value, json};

use super::testbed::{
    CLIENT, RulesTestbed, Running, TrafficTestbed, port, port_at, route_localnet,
};
use crate::common::{
    HOST, PLUGINS, add, del, exchanged, mapped, plugin, reached, tcp, unanswered, unreached,
};

on_every_backend!(
    tcp_and_udp_on_one_port_number_are_two_mappings,
    sctp_is_mapped_as_well,
    a_range_with_equal_ports_is_reached_from_its_first_to_its_last,
    a_shifted_range_keeps_the_distance_on_every_port,
    a_host_address_is_the_only_one_at_which_its_mapping_is_reached,
    a_mapping_at_127_0_0_1_is_reachable_only_from_the_host,
    two_containers_share_a_port_number_at_two_host_addresses,
    ipv6_is_reached_from_everywhere_that_ipv4_is,
    a_mapping_of_one_family_leaves_the_other_alone,
    mappings_of_mesos_and_of_the_capability_are_served_together,
    the_first_and_the_last_of_a_thousand_mappings_work_and_del_removes_all,
);

/// A second address of the host on the link to the client.
const SECOND: &str = "203.0.113.2";

fn udp(host_port: u16, container_port: u16) -> Value {
    json!({"hostPort": host_port, "containerPort": container_port, "protocol": "udp"})
}

pub(crate) fn range(host_port: u16, container_port: u16, range: u16) -> Value {
    json!({
        "hostPort": host_port, "containerPort": container_port, "range": range, "protocol": "tcp",
    })
}

fn tcp_and_udp_on_one_port_number_are_two_mappings(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([port(5300, 53), udp(5300, 54)]));
    let _servers = [(Traffic::Tcp, 53), (Traffic::Udp, 54)]
        .map(|(traffic, port)| one.container.serve(traffic, port));
    for traffic in [Traffic::Tcp, Traffic::Udp] {
        let answer = exchanged(&testbed.outside, traffic, HOST, 5300);
        assert_eq!(answer, format!("c1 saw {CLIENT}"), "{traffic} keeps the client's address");
        for (place, address) in
            [(&*testbed.host, HOST), (&*testbed.host, "127.0.0.1"), (&*one.container, HOST)]
        {
            assert!(exchanged(place, traffic, address, 5300).starts_with("c1 saw "));
        }
    }
    one.del();
    for traffic in [Traffic::Tcp, Traffic::Udp] {
        unanswered(&testbed.outside, traffic, HOST, 5300, "nothing is mapped after DEL");
    }
}

fn sctp_is_mapped_as_well(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let sctp = json!({"hostPort": 1320, "containerPort": 132, "protocol": "SCTP"});
    let call = testbed.runtime("c1", json!([sctp, port(1320, 133)]));
    add(&call);
    let rules = testbed.own_rules();
    let is_it = |line: &&str| line.contains("sctp") && line.contains("10.0.0.2:132");
    let rule = rules.lines().find(is_it);
    let rule = rule.unwrap_or_else(|| panic!("nothing maps sctp in {rules}"));
    assert!(rule.contains("1320"), "it maps the port: {rule}");
    let conflict = json!([{"hostPort": 1320, "containerPort": 1, "protocol": "sctp"}]);
    let (code, msg, _) = testbed.runtime("c2", conflict).run(plugin()).error();
    assert_eq!(code, 105, "an sctp port is in conflict like any other: {msg}");
    del(&call);
    assert_eq!(testbed.own_rules(), "", "DEL removes it");
}

fn a_range_with_equal_ports_is_reached_from_its_first_to_its_last(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([range(7000, 7000, 10)]));
    let _servers = [6999, 7000, 7009, 7010].map(|port| one.container.serve(Traffic::Http, port));
    for inside in [7000, 7009] {
        reached(&testbed.outside, HOST, inside, "the first and the last port of the range");
        reached(&testbed.host, "127.0.0.1", inside, "from 127.0.0.1 too");
    }
    for port in [6999, 7010] {
        unreached(&testbed.outside, HOST, port, "the port next to the range is not mapped");
    }
}

fn a_shifted_range_keeps_the_distance_on_every_port(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([range(8000, 9000, 5)]));
    // Ranges that overlap their own target: 8004 must not lead to 9000 or anywhere else.
    let first = one.container.serve(Traffic::Http, 9000);
    reached(&testbed.outside, HOST, 8000, "the first leads to the first");
    unreached(&testbed.outside, HOST, 8004, "the last does not lead to the first");
    drop(first);
    let _last = one.container.serve(Traffic::Http, 9004);
    reached(&testbed.outside, HOST, 8004, "the last leads to the last");
    unreached(&testbed.outside, HOST, 8005, "the range has five ports");
}

fn a_host_address_is_the_only_one_at_which_its_mapping_is_reached(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    testbed.host.run(&format!("ip address add {SECOND}/24 dev outside"));
    let one = testbed.start("c1", json!({}), json!([port_at(SECOND, 8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    for place in [&*testbed.outside, &*testbed.host, &*one.container] {
        reached(place, SECOND, 8080, "at the address that was named");
        unreached(place, HOST, 8080, "at no other address of the host");
    }
    unreached(&testbed.host, "127.0.0.1", 8080, "127.0.0.1 is another address");
    assert!(!route_localnet(&testbed.host, super::testbed::BRIDGE), "127.0.0.1 is not served");
}

fn a_mapping_at_127_0_0_1_is_reachable_only_from_the_host(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let one = testbed.start("c1", json!({}), json!([port_at("127.0.0.1", 8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.host, "127.0.0.1", 8080, "the host by 127.0.0.1");
    unreached(&testbed.host, HOST, 8080, "not by its other addresses");
    unreached(&testbed.outside, HOST, 8080, "not from outside");
}

fn two_containers_share_a_port_number_at_two_host_addresses(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    testbed.host.run(&format!("ip address add {SECOND}/24 dev outside"));
    let one = testbed.start("c1", json!({}), json!([port_at(HOST, 8080, 80)]));
    let two = testbed.start("c2", json!({}), json!([port_at(SECOND, 8080, 80)]));
    let _servers = [&one, &two].map(|running| running.container.serve(Traffic::Http, 80));
    for (address, name) in [(HOST, "c1"), (SECOND, "c2")] {
        let answer = reached(&testbed.outside, address, 8080, "each at its own address");
        assert_eq!(answer, format!("{name} saw {CLIENT}"), "{address} leads to {name}");
    }
    one.del();
    unreached(&testbed.outside, HOST, 8080, "the first was removed");
    reached(&testbed.outside, SECOND, 8080, "the second is not affected");
}

/// Returns the bridge with a subnet of each family.
pub(crate) fn dual_stack() -> Value {
    json!({
        "type": "bridge", "cniVersion": "1.0.0", "bridge": "mesos-cni0", "isGateway": true,
        "ipMasq": true,
        "ipam": {"type": "host-local",
            "ranges": [[{"subnet": "192.168.0.0/16"}], [{"subnet": "fd00:168::/64"}]],
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]},
    })
}

fn ipv6_is_reached_from_everywhere_that_ipv4_is(backend: &'static str) {
    for bridge_netfilter in [false, true] {
        let mut testbed = TrafficTestbed::new(backend);
        testbed.host.bridge_netfilter(bridge_netfilter);
        testbed.outside = testbed.outside.with_addresses("2001:db8::1/64", "2001:db8::9/64");
        let keys = json!({"cniVersion": "1.0.0", "delegate": dual_stack()});
        let start = |name, mappings| -> Running { testbed.start(name, keys.clone(), mappings) };
        let one = start("c1", json!([port(8080, 80), range(7000, 9000, 2)]));
        let two = start("c2", json!([]));
        let _servers = [80, 9001].map(|port| one.container.serve(Traffic::Http, port));
        let why = format!("bridge-nf {bridge_netfilter}");
        let seen = reached(&testbed.outside, "[2001:db8::1]", 8080, &why);
        assert_eq!(seen, "c1 saw 2001:db8::9", "the client's address is kept, {why}");
        let hosts: [(&Netns, &str); 4] = [
            (&testbed.host, "[2001:db8::1]"),
            (&testbed.host, "[fd00:168::1]"),
            (&one.container, "[2001:db8::1]"),
            (&two.container, "[2001:db8::1]"),
        ];
        for (place, address) in hosts {
            reached(place, address, 8080, &format!("{address}, {why}"));
        }
        reached(&testbed.outside, "[2001:db8::1]", 7001, "the last of a shifted range");
        let seen = reached(&testbed.outside, HOST, 8080, "IPv4 as well");
        assert_eq!(seen, format!("c1 saw {CLIENT}"), "IPv4 is unchanged, {why}");
        one.del();
        unreached(&testbed.outside, "[2001:db8::1]", 8080, "nothing is mapped after DEL");
        assert_eq!(testbed.own_rules(), "", "DEL removes the rules of both families");
    }
}

fn a_mapping_of_one_family_leaves_the_other_alone(backend: &'static str) {
    let mut testbed = TrafficTestbed::new(backend);
    testbed.outside = testbed.outside.with_addresses("2001:db8::1/64", "2001:db8::9/64");
    let keys = json!({"cniVersion": "1.0.0", "delegate": dual_stack()});
    let mappings = json!([port_at("0.0.0.0", 8004, 80), port_at("::", 8006, 80)]);
    let one = testbed.start("c1", keys, mappings);
    let _server = one.container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8004, "0.0.0.0 is every IPv4 address");
    reached(&testbed.outside, "[2001:db8::1]", 8006, ":: is every IPv6 address");
    unreached(&testbed.outside, "[2001:db8::1]", 8004, "0.0.0.0 is not an IPv6 address");
    unreached(&testbed.outside, HOST, 8006, ":: is not an IPv4 address");
}

fn mappings_of_mesos_and_of_the_capability_are_served_together(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let container = testbed.host.container("c1");
    let call = CallBuilder::add("mesos")
        .config(testbed.network(json!({})))
        .mesos(mapped(&[tcp(8080, 80), tcp(8082, 80)]))
        .key("runtimeConfig", json!({"portMappings": [port(8081, 80), port(8082, 80)]}))
        .container(&container)
        .cni_path(PLUGINS);
    add(&call);
    let _server = container.serve(Traffic::Http, 80);
    for (port, why) in [(8080, "of Mesos"), (8081, "of the capability"), (8082, "of both")] {
        reached(&testbed.outside, HOST, port, why);
    }
    let contradiction = call
        .container_id("c2")
        .key("runtimeConfig", json!({"portMappings": [port(8080, 81)]}))
        .run(plugin());
    let (code, msg, _) = contradiction.error();
    assert_eq!(code, 7, "one host port cannot lead to two container ports: {msg}");
    assert!(msg.contains("runtimeConfig.portMappings[0]"), "the message contains the path: {msg}");
}

/// `cargo xtask bench` measures the duration; `iptables.rs` counts the programs that are run.
fn the_first_and_the_last_of_a_thousand_mappings_work_and_del_removes_all(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let container = testbed.host.container("c1");
    let many: Vec<_> = (10_001..=11_000).map(|host_port| tcp(host_port, 80)).collect();
    let call = crate::common::mesos(&testbed.network(json!({})), &container, &many);
    add(&call);
    let _server = container.serve(Traffic::Http, 80);
    for host_port in [10_001, 11_000] {
        reached(&testbed.outside, HOST, host_port, "the first and the last of a thousand");
    }
    del(&call);
    unreached(&testbed.outside, HOST, 11_000, "nothing is mapped after DEL");
    assert_eq!(testbed.own_rules(), "", "DEL leaves no rule");
}
