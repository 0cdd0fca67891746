//! Adding and deleting links, addresses, routes and tables, as `ip` and `nft` show it.

use std::fs::File;
use std::net::IpAddr;

use cni_netlink::address::Addresses;
use cni_netlink::link::{Links, VethEnd};
use cni_netlink::nftables::{Generation, Kernel, Ruleset};
use cni_netlink::route::Routes;

use crate::host::{inside, run};

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn index(name: &str) -> u32 {
    let mut links = Links::open().expect("a socket");
    links.by_name(name).expect("looked up").expect("exists").index
}

#[test]
fn a_veth_pair_is_added_with_its_peer_in_another_namespace() {
    inside(|| {
        run("ip netns add c1");
        let netns = File::open("/run/netns/c1").expect("a namespace");
        let host = VethEnd::new("host0", [2, 0, 0, 0, 0, 1]);
        let peer = VethEnd::new("eth0", [2, 0, 0, 0, 0, 2]);
        let mut links = Links::open().expect("a socket");
        links.add_veth(&host, &peer, &netns).expect("added");
        assert!(run("ip -o link show host0").contains("02:00:00:00:00:01"));
        assert!(run("ip -n c1 -o link show eth0").contains("02:00:00:00:00:02"));
        let again = links.add_veth(&host, &peer, &netns).expect_err("it exists").to_string();
        assert!(again.starts_with("cannot add the veth pair host0: File exists"), "{again}");

        assert!(links.delete(index("host0")).expect("deleted"));
        assert!(!run("ip -n c1 -o link").contains("eth0"), "its peer is deleted too");
        assert!(!links.delete(4711).expect("no error"), "the link does not exist");
    });
}

#[test]
fn links_are_deleted_together_and_no_others() {
    inside(|| {
        for name in ["one", "two", "kept"] {
            run(&format!("ip link add {name} type bridge"));
        }
        run("ip link add v0 type veth peer name v1");
        let doomed = ["one", "two", "v0"].map(index);
        let mut links = Links::open().expect("a socket");
        links.delete_all(&doomed, 4711).expect("deleted");
        links.delete_all(&[], 4711).expect("an empty list is not an error");
        let names: Vec<String> =
            links.list().expect("listed").into_iter().map(|link| link.name).collect();
        assert_eq!(names, ["lo", "kept"]);
    });
}

#[test]
fn addresses_and_routes_are_added_and_usable_immediately() {
    inside(|| {
        run("ip link add br0 type bridge");
        let br0 = index("br0");
        let mut addresses = Addresses::open().expect("a socket");
        addresses.add(br0, address("10.9.0.1"), 24).expect("added");
        addresses.add(br0, address("fd00:9::1"), 64).expect("added");
        let twice = addresses.add(br0, address("10.9.0.1"), 24).expect_err("exists").to_string();
        assert!(twice.starts_with("cannot add the address 10.9.0.1/24 to link"), "{twice}");
        run("ip link set br0 up");
        let shown = run("ip -o address show br0");
        assert!(shown.contains("10.9.0.1/24") && shown.contains("fd00:9::1/64"), "{shown}");
        assert!(shown.contains("global nodad"), "no duplicate address detection: {shown}");

        let mut routes = Routes::open().expect("a socket");
        routes.add(address("10.7.0.9"), 32, br0).expect("added");
        routes.add(address("fd00:7::"), 64, br0).expect("added");
        assert!(run("ip route show").contains("10.7.0.9 dev br0 scope link"));
        assert!(run("ip -6 route show").contains("fd00:7::/64 dev br0"));
        assert_eq!(routes.output_interface(address("10.7.0.9")).expect("looked up"), Some(br0));
    });
}

#[test]
fn all_tables_of_all_families_are_flushed_at_once() {
    inside(|| {
        let mut kernel = Kernel::open().expect("a socket");
        assert_eq!(kernel.generation().expect("looked up"), Generation::FIRST);
        for table in ["ip one", "ip6 two", "inet three"] {
            run(&format!("nft add table {table}"));
        }
        kernel.flush().expect("flushed");
        assert_eq!(run("nft list ruleset"), "");
        kernel.flush().expect("an empty list is not an error");
        assert_ne!(kernel.generation().expect("looked up"), Generation::FIRST);
    });
}
