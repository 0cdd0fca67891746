//! What other programs have made, and what the kernel knows of sockets and neighbours.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use cni_netlink::address::Addresses;
use cni_netlink::link::Links;
use cni_netlink::neighbour::{NeighbourState, Neighbours};
use cni_netlink::nftables::{Family as TableFamily, Kernel, Policy, Table, Verdict};
use cni_netlink::route::{Query, Routes};
use cni_netlink::sock_diag::Sockets;
use cni_netlink::xtables::{self, Extension, Family};

use crate::host::{inside, run};

#[test]
fn base_chains_rules_and_elements_of_any_table_are_listed() {
    inside(|| {
        run("nft add table inet t");
        run("nft add chain inet t f { type filter hook forward priority 5 ; policy drop ; }");
        run("nft add chain inet t r");
        run("nft add set inet t s { type ipv4_addr ; flags interval ; }");
        run("nft add element inet t s { 10.0.0.0/8 }");
        run("nft add rule inet t f tcp dport vmap { 22 : accept, 80 : jump r }");
        let table = Table::inet("t");
        let mut kernel = Kernel::open().expect("nf_tables");
        let chains = kernel.base_chains().expect("a list");
        let [(found, chain)] = chains.as_slice() else { panic!("{chains:?}") };
        let base = chain.base.expect("a base chain");
        assert_eq!((found, &*chain.name, base.priority), (&table, "f", 5));
        assert_eq!(base.policy, Policy::Drop);
        assert_eq!(kernel.rules_of_any(&table).expect("rules").len(), 1);
        let mut elements = kernel.raw_elements(&table, "s").expect("elements");
        elements.retain(|element| element.key.as_ref().is_some_and(|key| key[0] != 0));
        elements.sort_by(|one, other| one.key.cmp(&other.key));
        let ends: Vec<_> =
            elements.iter().map(|one| (one.key.clone(), one.ends_interval)).collect();
        let key = |byte| Some(vec![byte, 0, 0, 0]);
        assert_eq!(ends, [(key(10), false), (key(11), true)]);
        let verdicts = kernel.raw_elements(&table, "__map0").expect("elements");
        let jump = verdicts.iter().find(|element| element.key == Some(vec![0, 80]));
        let jump = jump.and_then(|element| element.verdict.clone());
        assert_eq!(jump, Some(Verdict::Jump("r".to_owned())));
    });
}

#[test]
fn chains_of_bridges_and_devices_are_listed_and_dormant_tables_too() {
    inside(|| {
        run("ip link add d0 type bridge");
        run("nft add table netdev n");
        run("nft add chain netdev n i { type filter hook ingress device d0 priority 0 ; }");
        run(
            "nft add chain netdev n e { type filter hook egress devices = { d0, lo } priority 1; }",
        );
        run("nft add table bridge b");
        run("nft add chain bridge b f { type filter hook forward priority 0 ; policy drop ; }");
        run("nft add table ip sleeps { flags dormant ; }");
        run("nft add chain ip sleeps o { type route hook output priority -150 ; }");
        let mut kernel = Kernel::open().expect("nf_tables");
        let mut found: Vec<_> = kernel
            .base_chains()
            .expect("a list")
            .into_iter()
            .map(|(table, mut chain)| {
                chain.devices.sort();
                format!("{table} {} {:?}", chain.base.expect("a hook"), chain.devices)
            })
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                "bridge b type filter hook forward priority 0; policy drop; []",
                "ip sleeps type route hook output priority -150; policy accept; []",
                "netdev n type filter hook egress priority 1; policy accept; [\"d0\", \"lo\"]",
                "netdev n type filter hook ingress priority 0; policy accept; [\"d0\"]",
            ]
        );
        let dormant = kernel.dormant_tables().expect("a list");
        assert_eq!(dormant, [Table::new(TableFamily::Ip, "sleeps")]);
    });
}

#[test]
fn extensions_of_the_kernel_are_found_and_others_are_not() {
    inside(|| {
        run("iptables-legacy -t nat -L -n");
        run("ip6tables-legacy -t nat -L -n");
        let mut kernel = Kernel::open().expect("nf_tables");
        let mut has = |extension| {
            let legacy = xtables::has_extension(Family::Ip, extension).expect("an answer");
            let nft = kernel.has_extension(extension).expect("an answer");
            assert_eq!(legacy, nft, "{extension:?}");
            let of_six = xtables::has_extension(Family::Ip6, extension).expect("an answer");
            assert_eq!(of_six, legacy, "{extension:?} of IPv6");
            legacy
        };
        assert!(has(Extension::Target("MASQUERADE")) && has(Extension::Match("conntrack")));
        assert!(!has(Extension::Target("NO-SUCH")) && !has(Extension::Match("MASQUERADE")));
    });
}

#[test]
fn a_socket_is_found_by_the_address_and_port_at_which_it_receives() {
    inside(|| {
        let mut sockets = Sockets::open().expect("a socket");
        for (any, loopback) in [("0.0.0.0", "127.0.0.1"), ("::", "::1")] {
            for bound in [any, loopback] {
                let address = SocketAddr::new(bound.parse().expect("an address"), 0);
                let tcp = TcpListener::bind(address).expect("bound");
                let udp = UdpSocket::bind(address).expect("bound");
                let ports = [tcp.local_addr(), udp.local_addr()].map(|at| at.expect("one").port());
                for (protocol, port) in [6, 17].into_iter().zip(ports) {
                    let mut at = |address: &str, port| {
                        let address = SocketAddr::new(address.parse().expect("one"), port);
                        sockets.receives(protocol, address).expect("an answer")
                    };
                    assert!(at(loopback, port), "{protocol} at {bound}:{port}");
                    assert!(!at(loopback, 1), "{protocol}: no socket has port 1");
                    let own = if any == "::" { "2001:db8::1" } else { "192.0.2.1" };
                    assert_eq!(at(own, port), bound == any, "{protocol} at {bound}");
                }
            }
        }
    });
}

#[test]
fn a_neighbour_that_does_not_answer_has_failed_and_a_known_one_has_not() {
    inside(|| {
        run("ip link add veth-a type veth peer name veth-b");
        run("ip link set veth-a up");
        run("ip link set veth-b up");
        run("ip address add 192.0.2.1/24 dev veth-a");
        run("ip neighbour add 192.0.2.7 lladdr 02:00:00:00:00:07 dev veth-a");
        run("ip neighbour add 192.0.2.8 nud failed dev veth-a");
        let index = Links::open()
            .expect("a socket")
            .by_name("veth-a")
            .expect("found")
            .expect("a link")
            .index;
        let addresses = Addresses::open().expect("a socket").list().expect("a list");
        let own = addresses.iter().find(|one| one.interface == index && one.address.is_ipv4());
        assert_eq!(
            own.map(|one| (one.address.to_string(), one.prefix_length)),
            Some(("192.0.2.1".to_owned(), 24))
        );
        let mut neighbours = Neighbours::open().expect("a socket");
        let state = |address: &str| {
            let mut neighbours = Neighbours::open().expect("a socket");
            neighbours.state(index, address.parse().expect("one")).expect("an answer")
        };
        assert_eq!(state("192.0.2.7"), Some(NeighbourState::Known));
        assert_eq!(state("192.0.2.8"), Some(NeighbourState::Failed));
        assert_eq!(state("192.0.2.9"), None);
        run("ip neighbour add 192.0.2.10 lladdr 02:00:00:00:00:10 nud stale dev veth-a");
        let old: IpAddr = "192.0.2.10".parse().expect("one");
        assert_eq!(state("192.0.2.10"), Some(NeighbourState::Old));
        Neighbours::open().expect("a socket").probe(index, old).expect("it is asked");
        let deadline = Instant::now() + Duration::from_secs(60);
        while state("192.0.2.10") == Some(NeighbourState::Old) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(state("192.0.2.10"), Some(NeighbourState::Failed), "no host answers");
        let found = neighbours.find(index, "192.0.2.7".parse().expect("one"));
        let mac = found.expect("an answer").expect("a neighbour").mac;
        assert_eq!(mac, Some([2, 0, 0, 0, 0, 7]));
        let asked: IpAddr = "192.0.2.11".parse().expect("one");
        neighbours.solicit(index, asked).expect("it is asked");
        let state = neighbours.state(index, asked).expect("an answer");
        assert_eq!(state, Some(NeighbourState::Incomplete));
        run("ip route add 198.51.100.0/24 via 192.0.2.7");
        let route = Routes::open().expect("a socket").to("198.51.100.1".parse().expect("one"));
        let gateway = route.expect("an answer").expect("a route").gateway;
        assert_eq!(gateway, Some("192.0.2.7".parse().expect("one")));
    });
}

#[test]
fn a_route_is_that_of_the_packet_and_rules_of_policy_routing_select_by_it() {
    inside(|| {
        run("ip link add veth-a type veth peer name veth-b");
        run("ip link set veth-a up");
        run("ip link set veth-b up");
        run("ip address add 192.0.2.1/24 dev veth-a");
        run("ip route add 198.51.100.0/24 dev veth-a");
        run("ip rule add fwmark 7 blackhole");
        run("ip rule add ipproto tcp dport 80 blackhole");
        let mut routes = Routes::open().expect("a socket");
        let destination: IpAddr = "198.51.100.7".parse().expect("one");
        let tcp = |port| Query { protocol: 6, destination_port: port, ..Query::to(destination) };
        let own = Some("192.0.2.1".parse().expect("one"));
        for (query, has_route) in [
            (Query::to(destination), true),
            (tcp(81), true),
            (tcp(80), false),
            (Query { protocol: 132, destination_port: 80, ..Query::to(destination) }, true),
            (Query { mark: 7, ..Query::to(destination) }, false),
            (Query { source: own, ..Query::to(destination) }, true),
        ] {
            let route = routes.lookup(&query).expect("an answer");
            assert_eq!(route.is_some_and(|route| route.delivers()), has_route, "{query:?}");
        }
        assert_eq!(routes.marks(destination).expect("a list"), [7]);
        assert_eq!(routes.marks("2001:db8::1".parse().expect("one")).expect("a list"), [0_u32; 0]);
    });
}
