//! Both families, each broken on its own, and ports of a range.

use cni_test_kit::Traffic;
use serde_json::json;

use super::testbed::{commands, fails, names, steps};
use crate::behaviour::kinds::{dual_stack, range};
use crate::behaviour::testbed::{NFTABLES, Running, TrafficTestbed};
use crate::common::{reached, unreached};

on_every_backend!(each_family_of_a_port_is_followed_and_named_on_its_own);

const HOST: &str = "[2001:db8::1]";
const CLIENT: &str = "2001:db8::9";

fn each_family_of_a_port_is_followed_and_named_on_its_own(backend: &'static str) {
    let mut testbed = TrafficTestbed::new(backend);
    testbed.outside = testbed.outside.with_addresses("2001:db8::1/64", "2001:db8::9/64");
    let keys = json!({"cniVersion": "1.0.0", "delegate": dual_stack()});
    let one: Running = testbed.start("c1", keys, json!([range(7000, 9000, 2)]));
    let _server = one.container.serve(Traffic::Http, 9001);
    let host = &testbed.host;
    reached(&testbed.outside, HOST, 7001, "it is in order");
    let both = steps(host, &["7001"]);
    assert_eq!(names(&both, "ok").len(), both.len(), "{both:#?}");
    assert_eq!(names(&both, "ok").iter().filter(|name| **name == "owner").count(), 2);
    let six = ["7001", "--from", CLIENT];
    let of_six = steps(host, &six);
    assert_eq!(names(&of_six, "ok").len(), of_six.len(), "{of_six:#?}");
    host.write("/proc/sys/net/ipv6/conf/outside/forwarding", "0");
    reached(&testbed.outside, HOST, 7001, "only that of all interfaces counts");
    assert_eq!(names(&steps(host, &six), "failed"), [] as [&str; 0]);
    fails(host, &["7000", "--from", CLIENT], "service", &["port 9000", "9001"]);
    let _of_four = one.container.serve_on(Traffic::Http, "0.0.0.0", 9000);
    let words = ["listens on 0.0.0.0 only", "on [::]:9000,"];
    fails(host, &["7000", "--from", CLIENT], "service", &words);
    match backend {
        NFTABLES => host.sh("nft add table inet own
             nft 'add chain inet own forward { type filter hook forward priority 0; }'
             nft add rule inet own forward ip6 daddr fd00:168::/64 tcp dport 9001 drop"),
        iptables => {
            let program = iptables.replacen("iptables", "ip6tables", 1);
            host.run(&format!("{program} -w -A FORWARD -d fd00:168::/64 -p tcp -j DROP"))
        }
    };
    unreached(&testbed.outside, HOST, 7001, "IPv6 is dropped");
    fails(host, &six, "firewall", &["drop"]);
    let four = steps(host, &["7001", "--from", "203.0.113.9"]);
    assert_eq!(names(&four, "failed"), [] as [&str; 0], "IPv4 is not: {four:#?}");
    host.write("/proc/sys/net/ipv6/conf/all/forwarding", "0");
    let both = steps(host, &six);
    assert_eq!(names(&both, "failed"), ["forwarding", "firewall"], "both are named: {both:#?}");
    let of_forwarding = both.iter().find(|step| step["step"] == "forwarding").expect("it failed");
    assert_eq!(commands(of_forwarding), ["sysctl -w net.ipv6.conf.all.forwarding=1"]);
    let message = of_forwarding["message"].as_str().expect("a message");
    assert!(message.contains("sysctl -w net.ipv6.conf.INTERFACE.accept_ra=2"), "{message}");
}
