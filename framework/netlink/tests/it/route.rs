//! Route lookups, compared with `ip route get`.

use std::net::IpAddr;

use cni_netlink::link::Links;
use cni_netlink::route::{RouteType, Routes};

use crate::host::{container, inside, run, wait_until};

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Returns the name of the output link for an address according to `ip`.
fn link_shown_by_ip(address: &str) -> String {
    let answer = run(&format!("ip -o route get {address}"));
    answer.split(" dev ").nth(1).and_then(|rest| rest.split(' ').next()).expect("dev").to_owned()
}

fn name(index: Option<u32>) -> Option<String> {
    let link = Links::open().expect("a socket").by_index(index?).expect("looked up");
    link.map(|link| link.name)
}

fn set_up() -> Routes {
    container("c1", "10.88.0");
    run("ip address add fd00:88::1/64 dev c1 nodad");
    run("ip route add 10.99.0.0/16 via 10.88.0.2");
    // The kernel adds them once it has detected that the link is up.
    wait_until("the IPv6 address and its network have routes", || {
        let routes = run("ip -6 route show table all");
        ["local fd00:88::1 ", "fd00:88::/64 "].iter().all(|route| routes.contains(route))
    });
    Routes::open().expect("a socket")
}

#[test]
fn an_address_is_reached_via_the_link_that_ip_shows() {
    inside(|| {
        let mut routes = set_up();
        let addresses =
            ["10.88.0.2", "10.99.1.2", "127.0.0.1", "10.88.0.1", "fd00:88::2", "fd00:88::1", "::1"];
        for text in addresses {
            let index = routes.output_interface(address(text)).expect("looked up");
            assert_eq!(name(index), Some(link_shown_by_ip(text)), "{text}");
        }
        assert_eq!(link_shown_by_ip("10.99.1.2"), "c1");
    });
}

#[test]
fn own_addresses_are_local_and_others_are_not() {
    inside(|| {
        let mut routes = set_up();
        for local in ["127.0.0.1", "127.9.9.9", "10.88.0.1", "::1", "fd00:88::1"] {
            assert!(routes.is_local(address(local)).expect("looked up"), "{local}");
        }
        for other in ["10.88.0.2", "10.88.0.255", "192.0.2.1", "224.0.0.1", "fd00:88::2", "fd01::1"]
        {
            assert!(!routes.is_local(address(other)).expect("looked up"), "{other}");
        }
        let broadcast = routes.to(address("10.88.0.255")).expect("looked up").expect("a route");
        assert_eq!(broadcast.kind, RouteType::Broadcast);
    });
}

#[test]
fn an_address_without_a_route_is_not_an_error() {
    inside(|| {
        let mut routes = set_up();
        for (kind, v4, v6) in [
            ("unreachable", "198.18.0", "fd01:1::"),
            ("blackhole", "198.18.1", "fd01:2::"),
            ("prohibit", "198.18.2", "fd01:3::"),
            ("throw", "198.18.3", "fd01:4::"),
        ] {
            run(&format!("ip route add {kind} {v4}.0/24"));
            run(&format!("ip -6 route add {kind} {v6}/64"));
            for text in [format!("{v4}.1"), format!("{v6}1")] {
                let reached = routes.output_interface(address(&text)).expect("no error");
                assert_eq!(reached, None, "{kind} {text}");
            }
        }
        for text in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(routes.output_interface(address(text)).expect("no error"), None, "{text}");
        }
    });
}
