//! Hosts whose policy routing or forwarding loses packets or their answers.

use super::testbed::{Explained, is_unknown};
use crate::behaviour::testbed::{BRIDGE, CLIENT, NFTABLES};
use crate::common::{HOST, reached, unreached};

on_every_backend!(
    policy_routing_that_loses_packets_or_answers_is_named,
    packets_that_are_routed_by_their_mark_are_unknown,
    forwarding_that_is_off_for_the_container_s_interface_is_named_and_its_remedy_works,
);

fn policy_routing_that_loses_packets_or_answers_is_named(backend: &'static str) {
    let explained = Explained::new(backend);
    let (host, outside) = (explained.host(), &explained.testbed.outside);
    // Rules that select other packets.
    host.run("ip rule add iif outside ipproto tcp dport 81 blackhole pref 90");
    host.run("ip rule add from 192.168.0.77 blackhole pref 91");
    reached(outside, HOST, 8080, "other packets are lost");
    explained.is_in_order();
    host.run("ip rule add iif outside ipproto tcp dport 80 blackhole pref 92");
    unreached(outside, HOST, 8080, "its packets are lost");
    let get = "ip route get 192.168.0.2 from 203.0.113.9 iif outside ipproto tcp dport 80";
    explained.fails("route", &["policy routing", "ip rule", get]);
    host.run("ip rule del pref 92");
    host.run(&format!("ip rule add iif {BRIDGE} to {CLIENT} blackhole pref 93"));
    unreached(outside, HOST, 8080, "its answers are lost");
    let words = ["policy routing", "ip route get 203.0.113.9 from 192.168.0.2 iif mesos-cni0"];
    explained.fails("answers", &words);
    host.run("ip rule del pref 93");
    host.sh("ip link add elsewhere type bridge
         ip link set elsewhere up
         ip route add default dev elsewhere table 77
         ip rule add from 192.168.0.0/16 lookup 77 pref 94");
    unreached(outside, HOST, 8080, "its answers go elsewhere");
    is_unknown(host, &["8080", "--from", CLIENT], "answers", &["by elsewhere", "ip rule"]);
}

fn packets_that_are_routed_by_their_mark_are_unknown(backend: &'static str) {
    let explained = Explained::new(backend);
    let host = explained.host();
    host.run("ip rule add fwmark 7 blackhole");
    reached(&explained.testbed.outside, HOST, 8080, "no packet is marked");
    explained.is_in_order();
    match backend {
        NFTABLES => host.sh("nft add table ip own
             nft 'add chain ip own pre { type filter hook prerouting priority -150; }'
             nft add rule ip own pre tcp dport 8080 meta mark set 7"),
        iptables => host.run(&format!(
            "{iptables} -w -t mangle -A PREROUTING -p tcp --dport 8080 -j MARK --set-mark 7"
        )),
    };
    unreached(&explained.testbed.outside, HOST, 8080, "its packets are marked");
    let words = ["mark 0x7", "ip route get 192.168.0.2 mark 0x7"];
    is_unknown(host, &["8080", "--from", CLIENT], "route", &words);
}

fn forwarding_that_is_off_for_the_container_s_interface_is_named_and_its_remedy_works(
    backend: &'static str,
) {
    let explained = Explained::new(backend);
    explained.host().write(&format!("/proc/sys/net/ipv4/conf/{BRIDGE}/forwarding"), "0");
    unreached(&explained.testbed.outside, HOST, 8080, "answers are not forwarded");
    let command = format!("sysctl -w net/ipv4/conf/{BRIDGE}/forwarding=1");
    explained.fails("forwarding", &["is 0", &command]);
    explained.remedy_works();
}
