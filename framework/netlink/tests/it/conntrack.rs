//! Exactly the selected flows are deleted, as `conntrack -L` shows.

#![allow(clippy::print_stdout, reason = "the output for the test that runs the helper")]

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};

use cni_netlink::conntrack::{Conntrack, Flow, IpFamily, TCP, UDP, Zone};

use crate::host::{container, inside, run, run_helper};

/// Sends one datagram from a port of this machine. The kernel tracks it even without a reply.
fn send(from: &str, to: &str) {
    let socket = UdpSocket::bind(from).expect("the source is free");
    socket.send_to(b"x", to).expect("sent");
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Makes the kernel track flows in this namespace, and keep them longer than a test takes.
fn track() {
    for iptables in ["iptables", "ip6tables"] {
        run(&format!("{iptables} -A INPUT -m conntrack --ctstate INVALID -j ACCEPT"));
    }
    std::fs::write("/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "3600").expect("written");
}

/// Returns the sorted source ports of all flows of a protocol that `conntrack` lists.
fn listed(family: &str, protocol: &str) -> Vec<u16> {
    let lines = run(&format!("conntrack -L -f {family} -p {protocol}"));
    let mut ports: Vec<u16> = lines
        .lines()
        .filter_map(|line| line.split("sport=").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    ports.sort_unstable();
    ports
}

fn conntrack() -> Conntrack {
    Conntrack::open().expect("a socket")
}

#[test]
fn three_of_six_udp_flows_are_deleted_and_no_others() {
    inside(|| {
        track();
        for port in 4001..=4003 {
            send(&format!("127.0.0.1:{port}"), "127.0.0.1:5353");
            send(&format!("127.0.0.1:{}", port + 1000), "127.0.0.1:5354");
        }
        let server = TcpListener::bind("127.0.0.1:5353").expect("bound");
        let _client = TcpStream::connect(server.local_addr().expect("bound")).expect("connected");
        let tcp = listed("ipv4", "tcp");
        assert_eq!(tcp.len(), 1);
        assert_eq!(listed("ipv4", "udp"), [4001, 4002, 4003, 5001, 5002, 5003]);

        let deleted =
            conntrack().delete_where(IpFamily::V4, UDP, &[5353..=5353], |_| true).expect("deleted");

        assert_eq!(deleted, 3);
        assert_eq!(listed("ipv4", "udp"), [5001, 5002, 5003]);
        assert_eq!(listed("ipv4", "tcp"), tcp, "TCP to the same port is another protocol");
        assert_eq!(
            conntrack()
                .delete_where(IpFamily::V4, UDP, &[5353..=5353], |_| true)
                .expect("repeated"),
            0
        );
    });
}

#[test]
fn each_family_and_all_of_several_ranges_are_covered() {
    inside(|| {
        track();
        send("127.0.0.1:4001", "127.0.0.1:5000");
        send("127.0.0.1:4002", "127.0.0.1:5001");
        send("127.0.0.1:4003", "127.0.0.1:5099");
        send("[::1]:6001", "[::1]:5001");
        send("[::1]:6002", "[::1]:6000");
        send("[::1]:6003", "[::1]:6001");

        let ports = [5000..=5001, 6000..=6000];
        let mut conntrack = conntrack();
        let deleted = conntrack.delete_where(IpFamily::V4, UDP, &ports, |_| true).expect("deleted");
        assert_eq!((deleted, listed("ipv4", "udp")), (2, vec![4003]));
        assert_eq!(listed("ipv6", "udp"), [6001, 6002, 6003], "the other family is unaffected");

        let deleted = conntrack.delete_where(IpFamily::V6, UDP, &ports, |_| true).expect("deleted");
        assert_eq!(deleted, 2);
        assert!(!conntrack.filter_was_refused(), "kernels from 5.8 on filter");
        assert_eq!(listed("ipv6", "udp"), [6003]);
    });
}

#[test]
fn the_predicate_distinguishes_addresses_of_both_families() {
    inside(|| {
        track();
        run("ip -6 route add local fd00::/64 dev lo");
        send("127.0.0.1:4001", "127.0.0.1:5353");
        send("127.0.0.1:4002", "127.0.0.2:5353");
        send("[::1]:6001", "[::1]:5353");
        send("[::1]:6002", "[fd00::1]:5353");
        let wanted = [address("127.0.0.2:5353"), address("[fd00::1]:5353")];

        let matches = |flow: &Flow| wanted.contains(&flow.destination());
        assert_eq!(listed("ipv4", "udp"), [4001, 4002]);
        assert_eq!(listed("ipv6", "udp"), [6001, 6002]);
        for family in [IpFamily::V4, IpFamily::V6] {
            let mut conntrack = conntrack();
            let deleted = conntrack.delete_where(family, UDP, &[5353..=5353], matches);
            assert_eq!(deleted.expect("deleted"), 1);
            assert!(!conntrack.filter_was_refused(), "kernels from 5.8 on filter");
        }

        assert_eq!(listed("ipv4", "udp"), [4001]);
        assert_eq!(listed("ipv6", "udp"), [6001]);
    });
}

#[test]
fn a_new_mapping_removes_stale_flows_and_a_removed_one_only_its_own() {
    inside(|| {
        track();
        container("c1", "10.88.0");
        container("c2", "10.89.0");
        let map = |action: &str, to: &str| {
            run(&format!(
                "iptables -t nat -{action} OUTPUT -d 10.88.0.1 -p udp --dport 5353 -j DNAT \
                 --to-destination {to}"
            ));
        };
        let (first, second) = ("10.88.0.2:53", "10.89.0.2:53");
        send("127.0.0.1:4000", "127.0.0.1:5353");
        send("10.88.0.1:4001", "10.88.0.1:5353");
        map("A", first);
        send("10.88.0.1:4002", "10.88.0.1:5353");
        map("D", first);
        map("A", second);
        send("10.88.0.1:4003", "10.88.0.1:5353");

        let host = address("10.88.0.1:5353");
        let flows = conntrack().flows_where(IpFamily::V4, UDP, &[5353..=5353], |flow| {
            flow.destination() == host && flow.is_dnat()
        });
        let mut answering: Vec<_> =
            flows.expect("listed").iter().map(|flow| flow.reply_source().to_string()).collect();
        answering.sort();
        assert_eq!(answering, [first, second]);

        let target = address(second);
        let stale = |flow: &Flow| flow.destination() == host && flow.reply_source() != target;
        assert_eq!(
            conntrack().delete_where(IpFamily::V4, UDP, &[5353..=5353], stale).expect("ADD"),
            2
        );
        assert_eq!(listed("ipv4", "udp"), [4000, 4003]);

        let ours = |flow: &Flow| flow.reply_source() == target;
        assert_eq!(
            conntrack().delete_where(IpFamily::V4, UDP, &[5353..=5353], ours).expect("DEL"),
            1
        );
        assert_eq!(listed("ipv4", "udp"), [4000]);
    });
}

#[test]
fn flows_in_conntrack_zones_are_found_and_deleted() {
    inside(|| {
        track();
        for (port, zone) in [(5001, "--zone 7"), (5002, "--zone-orig 8"), (5003, "--zone-reply 9")]
        {
            run(&format!("iptables -t raw -A OUTPUT -p udp --dport {port} -j CT {zone}"));
        }
        for port in 5001..=5004 {
            send(&format!("127.0.0.1:{}", port - 1000), &format!("127.0.0.1:{port}"));
        }
        let zone = |port: u16| {
            let flows = conntrack()
                .flows_where(IpFamily::V4, UDP, &[port..=port], |_| true)
                .expect("listed");
            let mut flows = flows.iter().filter(|flow| flow.original.source.port() == port - 1000);
            flows.next().map(|flow| flow.zone)
        };
        assert_eq!(zone(5001), Some(Zone::Both(7)));
        assert_eq!(zone(5002), Some(Zone::Original(8)));
        assert_eq!(zone(5003), Some(Zone::Reply(9)));
        assert_eq!(zone(5004), Some(Zone::Default));

        conntrack().delete_where(IpFamily::V4, UDP, &[5001..=5003], |_| true).expect("deleted");
        assert_eq!(listed("ipv4", "udp"), [4004]);
    });
}

#[test]
fn an_entry_that_was_replaced_meanwhile_is_not_deleted() {
    inside(|| {
        track();
        send("127.0.0.1:4001", "127.0.0.1:5353");
        let mut conntrack = conntrack();
        let flows =
            conntrack.flows_where(IpFamily::V4, UDP, &[5353..=5353], |_| true).expect("listed");
        let [flow] = flows[..] else { panic!("one flow, not {flows:?}") };
        let mut other = flow;
        other.id = flow.id.wrapping_add(1);

        assert!(!conntrack.delete(&other).expect("no error"), "another id means another flow");
        assert_eq!(listed("ipv4", "udp"), [4001]);
        assert!(conntrack.delete(&flow).expect("no error"));
        assert!(!conntrack.delete(&flow).expect("no error"), "it no longer exists");
        assert!(listed("ipv4", "udp").is_empty());
    });
}

#[test]
fn thousands_of_flows_are_listed_completely() {
    inside(|| {
        track();
        let socket = UdpSocket::bind("127.0.0.1:4000").expect("bound");
        for port in 10_000..13_000 {
            // ICMP errors for earlier datagrams are returned by later sends.
            while socket.send_to(b"x", ("127.0.0.1", port)).is_err() {}
        }
        let deleted = conntrack().delete_where(IpFamily::V4, UDP, &[10_000..=12_998], |_| true);
        assert_eq!(deleted.expect("deleted"), 2999);
        assert_eq!(listed("ipv4", "udp"), [4000], "only the flow outside the range");
    });
}

#[test]
fn tcp_flows_can_be_deleted_too() {
    inside(|| {
        track();
        let server = TcpListener::bind("127.0.0.1:5353").expect("bound");
        let _client = TcpStream::connect(server.local_addr().expect("bound")).expect("connected");
        assert_eq!(
            conntrack().delete_where(IpFamily::V4, TCP, &[5353..=5353], |_| true).expect("deleted"),
            1
        );
        assert!(listed("ipv4", "tcp").is_empty());
    });
}

#[test]
fn without_the_privilege_the_error_names_the_missing_one() {
    inside(|| {
        let without = "setpriv --bounding-set -net_admin --inh-caps -net_admin";
        let output = run_helper(without, list_as_we_are);
        assert!(output.contains("cannot list the tracked flows: "), "{output}");
        assert!(output.contains("CAP_NET_ADMIN"), "{output}");
    });
}

#[test]
#[ignore = "a helper of the test above, which runs it without CAP_NET_ADMIN"]
fn list_as_we_are() {
    let error =
        conntrack().flows_where(IpFamily::V4, UDP, &[1..=1], |_| true).expect_err("not permitted");
    println!("{error}");
}
