//! Servers report their client's address; clients report why there is no answer.

use std::time::Duration;

use cni_test_kit::{Host, Traffic};

#[test]
fn every_kind_of_traffic_reports_the_server_and_the_client_address() {
    let host = Host::new();
    let outside = host
        .neighbour("outside", "10.9.0.1/24", "10.9.0.2/24")
        .with_addresses("fd00:9::1/64", "fd00:9::2/64");
    let _tcp = host.serve(Traffic::Tcp, 7);
    let _udp = host.serve(Traffic::Udp, 7);
    let _http = host.serve(Traffic::Http, 80);

    assert_eq!(outside.address(), "10.9.0.2");
    for traffic in [Traffic::Tcp, Traffic::Udp] {
        assert_eq!(outside.exchange(traffic, "10.9.0.1", 7).unwrap(), "host saw 10.9.0.2");
        assert_eq!(outside.exchange(traffic, "fd00:9::1", 7).unwrap(), "host saw fd00:9::2");
        assert_eq!(host.exchange(traffic, "127.0.0.1", 7).unwrap(), "host saw 127.0.0.1");
    }
    assert_eq!(outside.fetch("http://10.9.0.1:80/").unwrap(), "host saw 10.9.0.2");
    assert_eq!(outside.fetch("http://[fd00:9::1]:80/").unwrap(), "host saw fd00:9::2");
}

#[test]
fn a_socket_of_this_process_belongs_to_the_namespace_in_which_it_is_opened() {
    let host = Host::new();
    let outside = host.neighbour("outside", "10.9.0.1/24", "10.9.0.2/24");
    let limit = Duration::from_secs(60);
    let listener = host.listen(7).expect("entered").expect("a listener");
    let connect = || outside.connect_to(([10, 9, 0, 1], 7).into(), limit).expect("entered");
    let client = connect().expect("a connection").local_addr().expect("an address");
    assert_eq!(client.ip().to_string(), "10.9.0.2");
    assert_eq!(listener.accept().expect("a connection").1, client);
    drop(listener);
    assert!(connect().is_err(), "nothing listens there");
    assert!(outside.listen(7).expect("entered").is_ok(), "the port is another namespace's");
}

#[test]
fn a_host_forwards_between_its_neighbours() {
    let host = Host::new();
    let left = host
        .neighbour("left", "10.8.0.1/24", "10.8.0.2/24")
        .with_addresses("fd08::1/64", "fd08::2/64");
    let right = host
        .neighbour("right", "10.9.0.1/24", "10.9.0.2/24")
        .with_addresses("fd09::1/64", "fd09::2/64");
    let _server = right.serve(Traffic::Udp, 53);
    assert_eq!(left.exchange(Traffic::Udp, "10.9.0.2", 53).unwrap(), "right saw 10.8.0.2");
    assert_eq!(left.exchange(Traffic::Udp, "fd09::2", 53).unwrap(), "right saw fd08::2");
}

#[test]
fn a_client_can_choose_its_source_address_and_port() {
    let host = Host::new();
    let outside = host.neighbour("outside", "10.9.0.1/24", "10.9.0.2/24");
    outside.run("ip address add 10.9.0.77/24 dev eth0");
    let _tcp = host.serve(Traffic::Tcp, 7);
    let _udp = host.serve(Traffic::Udp, 7);
    for kind in ["tcp", "udp"] {
        let ask = ["exchange", kind, "10.9.0.1", "7", "--from"];
        assert_eq!(outside.peer(&[&ask[..], &["4711"]].concat()).unwrap(), "host saw 10.9.0.2");
        let other = outside.peer(&[&ask[..], &["10.9.0.77:4712"]].concat());
        assert_eq!(other.unwrap(), "host saw 10.9.0.77");
    }
}

#[test]
fn a_closed_port_is_refused_and_dropped_packets_time_out() {
    let host = Host::new();
    let outside = host.neighbour("outside", "10.9.0.1/24", "10.9.0.2/24");
    host.run("iptables-nft -A INPUT -i outside -p tcp --dport 8 -j DROP");
    host.run("iptables-nft -A INPUT -i outside -p udp --dport 8 -j DROP");
    for traffic in [Traffic::Tcp, Traffic::Udp, Traffic::Http] {
        let refused = outside.exchange(traffic, "10.9.0.1", 9).unwrap_err();
        assert_eq!(refused, format!("{traffic} 10.9.0.1:9: refused"));
        let ask = ["exchange", traffic.as_str(), "10.9.0.1", "8", "--timeout", "200"];
        let silent = outside.peer(&ask).unwrap_err();
        assert_eq!(silent, format!("{traffic} 10.9.0.1:8: timed out"));
    }
    let silent = ["exchange", "tcp", "10.9.0.1", "8", "--timeout", "200", "--from", "4711"];
    assert_eq!(outside.peer(&silent).unwrap_err(), "tcp 10.9.0.1:8: timed out");
}

#[test]
fn a_dropped_server_has_freed_its_port() {
    let host = Host::new();
    for _ in 0..5 {
        let server = host.serve_on(Traffic::Udp, "127.0.0.1", 7);
        assert!(host.exchange(Traffic::Udp, "127.0.0.1", 7).is_ok());
        drop(server);
        assert!(host.exchange(Traffic::Udp, "127.0.0.1", 7).unwrap_err().ends_with("refused"));
    }
    assert_eq!(host.processes(), [], "no server is left");
}

#[test]
#[should_panic(expected = "host: no tcp server on port 7")]
fn a_port_in_use_cannot_be_served_again() {
    let host = Host::new();
    let _first = host.serve(Traffic::Tcp, 7);
    host.serve(Traffic::Tcp, 7);
}

#[test]
fn an_echo_session_runs_until_it_is_finished_and_reports_when_it_failed() {
    let host = Host::new();
    let server = host.serve(Traffic::Echo, 7);
    let [one, other] = [(); 2].map(|()| host.echo_session("127.0.0.1", 7));
    let lines = one.finish().expect("the session is alive");
    assert!(lines > 0);
    drop(server);
    let reason = other.finish().expect_err("the server has stopped");
    assert!(reason.starts_with("echo session with 127.0.0.1:7: after "), "{reason}");
}
