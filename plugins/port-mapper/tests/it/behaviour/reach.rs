//! Who reaches a mapped port, and with which source address; and who does not.

use cni_test_kit::{Host, Traffic};
use serde_json::json;

use super::nft::TABLE;
use super::world::{BRIDGE, CLIENT, NFTABLES, STATE, World, port, route_localnet};
use crate::common::{HOST, add, del, mesos, reached, tcp, unreached};

on_every_backend!(
    the_host_and_clients_outside_reach_the_port_and_clients_keep_their_address,
    the_container_itself_and_its_neighbour_reach_the_port,
    every_excluded_device_and_wildcard_is_excluded,
    without_snat_only_what_works_without_it_is_reached,
    with_masq_all_the_server_sees_the_host,
    the_guard_keeps_a_machine_on_the_bridge_out_of_services_on_127_0_0_1,
    route_localnet_is_open_from_the_first_container_to_the_last,
    route_localnet_that_was_open_before_is_left_open,
    a_lost_state_directory_does_not_open_127_0_0_1_to_the_bridge,
);

fn the_host_and_clients_outside_reach_the_port_and_clients_keep_their_address(
    backend: &'static str,
) {
    let world = World::new(backend);
    let container = world.host.container("c1");
    let call = mesos(&world.network(json!({})), &container, &[tcp(8080, 80)]);
    add(&call);
    let _server = container.serve(Traffic::Http, 80);
    let answer = reached(&world.outside, HOST, 8080, "a client outside");
    assert_eq!(answer, format!("c1 saw {CLIENT}"), "the client's address is kept");
    for address in [HOST, "192.168.0.1", "127.0.0.1", "127.0.0.2"] {
        let answer = reached(&world.host, address, 8080, "the host by an address of its own");
        assert!(answer.starts_with("c1 saw "), "{address}: {answer}");
    }
    unreached(&world.outside, HOST, 80, "only the host port is mapped");
    del(&call);
    unreached(&world.outside, HOST, 8080, "nothing is mapped after DEL");
    unreached(&world.host, "127.0.0.1", 8080, "nothing is mapped after DEL");
    assert_eq!(world.traces(), "", "DEL leaves no rule");
}

fn the_container_itself_and_its_neighbour_reach_the_port(backend: &'static str) {
    for bridge_netfilter in [false, true] {
        let world = World::new(backend);
        world.host.bridge_netfilter(bridge_netfilter);
        let one = world.start("c1", json!({}), json!([port(8080, 80)]));
        let two = world.start("c2", json!({}), json!([]));
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
    let world = World::new(backend);
    let [one, wild] = [("one", 1), ("wild7", 2)].map(|(name, net)| {
        world.host.neighbour(name, &format!("10.9.{net}.1/24"), &format!("10.9.{net}.9/24"))
    });
    let keys = json!({"excludeDevices": ["one", BRIDGE, "wild+"]});
    let first = world.start("c1", keys, json!([port(8080, 80)]));
    let _server = first.container.serve(Traffic::Http, 80);
    reached(&world.outside, HOST, 8080, "by a device that is not excluded");
    reached(&world.host, HOST, 8080, "from the host itself");
    unreached(&one, "10.9.1.1", 8080, "the first of the list is excluded");
    unreached(&one, HOST, 8080, "it is the device that counts, not the address");
    unreached(&first.container, HOST, 8080, "the one in the middle is excluded");
    unreached(&wild, "10.9.2.1", 8080, "all that begin as the wildcard are excluded");
    let second = world.start("c2", json!({}), json!([port(8081, 80)]));
    let _server = second.container.serve(Traffic::Http, 80);
    reached(&wild, "10.9.2.1", 8081, "an exclusion concerns its own container only");
}

fn without_snat_only_what_works_without_it_is_reached(backend: &'static str) {
    let world = World::new(backend);
    let one = world.start("c1", json!({"snat": false}), json!([port(8080, 80)]));
    let two = world.start("c2", json!({"snat": false}), json!([]));
    let _server = one.container.serve(Traffic::Http, 80);
    let answer = reached(&world.outside, HOST, 8080, "a client outside needs no source NAT");
    assert_eq!(answer, format!("c1 saw {CLIENT}"), "its address is kept");
    reached(&world.host, HOST, 8080, "nor does the host by its own address");
    unreached(&one.container, HOST, 8080, "the container would answer itself");
    unreached(&two.container, HOST, 8080, "the answer would not pass the host");
    unreached(&world.host, "127.0.0.1", 8080, "127.0.0.1 is another host in there");
    let traces = world.traces().to_lowercase();
    assert!(!traces.contains("masq"), "there is no masquerade rule: {traces}");
    assert!(!traces.contains("guard"), "what is not opened needs no guard: {traces}");
    assert!(!route_localnet(&world.host, BRIDGE), "route_localnet is not opened");
}

fn with_masq_all_the_server_sees_the_host(backend: &'static str) {
    let world = World::new(backend);
    let one = world.start("c1", json!({"masqAll": true}), json!([port(8080, 80)]));
    let _server = one.container.serve(Traffic::Http, 80);
    let hosts = "c1 saw 192.168.0.1";
    assert_eq!(reached(&world.outside, HOST, 8080, "outside"), hosts, "a client outside");
    assert_eq!(reached(&world.host, "127.0.0.1", 8080, "127.0.0.1"), hosts, "127.0.0.1");
    assert_eq!(reached(&one.container, HOST, 8080, "hairpin"), hosts, "the container itself");
}

/// Makes the container a machine that takes 127.0.0.0/8 for addresses behind the host.
fn takes_localhost_for_the_host(place: &cni_test_kit::Netns) {
    place.sh("ip link set lo down
         echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
         ip address flush dev lo
         ip route add 127.0.0.0/8 via 192.168.0.1");
}

fn the_guard_keeps_a_machine_on_the_bridge_out_of_services_on_127_0_0_1(backend: &'static str) {
    let world = World::new(backend);
    let one = world.start("c1", json!({}), json!([port(8080, 80)]));
    let attacker = world.start("c2", json!({}), json!([])).container;
    takes_localhost_for_the_host(&attacker);
    let _secret = world.host.serve_on(Traffic::Http, "127.0.0.1", 7000);
    reached(&world.host, "127.0.0.1", 7000, "the service is there");
    assert!(route_localnet(&world.host, BRIDGE), "the kernel itself would let it pass");
    unreached(&attacker, "127.0.0.1", 7000, "the guard drops it");
    without_guard(&world.host, backend);
    let answer = reached(&attacker, "127.0.0.1", 7000, "without the guard it gets in");
    assert_eq!(answer, "host saw 192.168.0.3", "so it is the guard that keeps it out");
    world.start("c3", json!({}), json!([port(8081, 80)]));
    unreached(&attacker, "127.0.0.1", 7000, "the next ADD puts the guard back");
    one.del();
    unreached(&attacker, "127.0.0.1", 7000, "it stays as long as anybody needs it");
}

fn without_guard(host: &Host, backend: &str) {
    match backend {
        NFTABLES => host.run(&format!("nft flush chain {TABLE} guard")),
        iptables => host.run(&format!("{iptables} -w -t raw -F PORT-MAPPER-GUARD")),
    };
}

fn route_localnet_is_open_from_the_first_container_to_the_last(backend: &'static str) {
    let world = World::new(backend);
    let one = world.start("c1", json!({}), json!([port(8080, 80)]));
    let two = world.start("c2", json!({}), json!([port(8081, 80)]));
    let _server = two.container.serve(Traffic::Http, 80);
    assert!(route_localnet(&world.host, BRIDGE), "opened with the first");
    for other in ["all", "outside", "lo"] {
        assert!(!route_localnet(&world.host, other), "only the bridge is opened, not {other}");
    }
    one.del();
    assert!(route_localnet(&world.host, BRIDGE), "the second still needs it");
    reached(&world.host, "127.0.0.1", 8081, "the second still works");
    let traces = world.traces().to_lowercase();
    assert!(traces.contains("guard"), "and the guard still stands: {traces}");
    two.del();
    assert!(!route_localnet(&world.host, BRIDGE), "closed with the last");
    assert_eq!(world.traces(), "", "and the guard is gone");
}

fn route_localnet_that_was_open_before_is_left_open(backend: &'static str) {
    let world = World::new(backend);
    world.start("c0", json!({}), json!([]));
    world.host.write(&format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet"), "1");
    let one = world.start("c1", json!({}), json!([port(8080, 80)]));
    one.del();
    assert!(route_localnet(&world.host, BRIDGE), "whoever opened it will close it");
    assert_eq!(world.traces(), "", "nothing of ours is left");
}

fn a_lost_state_directory_does_not_open_127_0_0_1_to_the_bridge(backend: &'static str) {
    let world = World::new(backend);
    let one = world.start("c1", json!({}), json!([port(8080, 80)]));
    let attacker = world.start("c2", json!({}), json!([])).container;
    takes_localhost_for_the_host(&attacker);
    let _secret = world.host.serve_on(Traffic::Http, "127.0.0.1", 7000);
    world.host.run(&format!("rm -r {STATE}"));
    one.del();
    assert!(!world.traces().contains("container_id: "), "no rule of the container is left");
    unreached(&attacker, "127.0.0.1", 7000, "who opened it is not known: it stays guarded");
    one.del();
    let next = world.start("c3", json!({}), json!([port(8080, 80)]));
    next.del();
    unreached(&attacker, "127.0.0.1", 7000, "also when the next containers have gone");
    world.host.write(&format!("/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet"), "0");
    next.del();
    assert_eq!(world.traces(), "", "with nothing open there is nothing to guard");
}
