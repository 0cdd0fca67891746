//! Defects 5 to 18: wrong results.

use cni_test_kit::{Behaviour, Host, PluginDir, Script, Traffic};
use serde_json::json;

use super::broken_iptables;
use crate::common::*;

#[test]
fn defect_05_an_id_that_is_a_prefix_of_another_or_has_dots_affects_only_itself() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let ids = ["c1", "c10", "c1.child", "a.b", "aXb"];
    let call = |index: usize| {
        fake_container(&host, &dir, &network, ids[index], &[tcp(8000 + index as u16, 80)])
    };
    (0..ids.len()).for_each(|index| drop(add(&call(index))));
    del(&call(0));
    del(&call(3));
    let left = dnat(&host);
    assert_eq!(left.len(), 3, "{left:?}");
    for id in ["c10", "c1.child", "aXb"] {
        assert_eq!(
            left.iter().filter(|rule| rule.contains(&format!("container_id: {id} "))).count(),
            1
        );
    }
}

#[test]
fn defect_06_two_networks_and_two_interfaces_of_a_container_are_separate() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let mut other = network.clone();
    other["name"] = json!("other");
    let one = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    let two = fake_container(&host, &dir, &other, "c1", &[tcp(8081, 80)]);
    let three = fake_container(&host, &dir, &network, "c1", &[tcp(8082, 80)]).ifname("eth1");
    for call in [&one, &two, &three] {
        add(call);
    }
    del(&one);
    assert_eq!(dnat(&host).len(), 2);
    del(&two);
    assert_eq!(dnat(&host).len(), 1);
    del(&three);
    assert_eq!(dnat(&host), [] as [&str; 0]);
}

#[test]
fn defect_07_every_excluded_device_is_excluded() {
    let host = Host::new();
    let ends = ["one", "two", "open"];
    let clients: Vec<_> = ends
        .iter()
        .enumerate()
        .map(|(n, name)| host.neighbour(name, &format!("10.{n}.0.1/24"), &format!("10.{n}.0.9/24")))
        .collect();
    let container = host.container("c1");
    add(&mesos(&example_network(&["one", "two"]), &container, &[tcp(8080, 80)]));
    let _server = container.serve(Traffic::Http, 80);
    reached(&clients[2], "10.2.0.1", 8080, "by the device that is not excluded");
    unreached(&clients[0], "10.0.0.1", 8080, "by the first excluded device");
    unreached(&clients[1], "10.1.0.1", 8080, "by the last excluded device");
}

#[test]
fn defect_08_a_failed_add_leaves_nothing() {
    let host = Host::new();
    let before = host.snapshot();
    let container = host.container("c1");
    let broken = broken_iptables("iptables-restore");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", broken.path().display());
    let call = mesos(&example_network(&[]), &container, &[tcp(8080, 80)]).env("PATH", &path);
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 103, "{msg}");
    assert_eq!(container.run("ip -o link show type veth"), "");
    assert!(!host.exists("/var/lib/cni/networks/mesos/192.168.0.2"), "no lease is held");
    host.run("ip link delete mesos-cni0");
    host.run("rm -rf /var/lib/cni/networks /run/cni");
    assert_nothing_is_left(&host);
    before.assert_same(&host.snapshot());
}

#[test]
fn defect_09_missing_jumps_are_repaired_and_a_failure_is_reported() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    host.run(&format!("iptables -t nat -N {CHAIN}"));
    let add_with =
        |id: &str, host_port| fake_container(&host, &dir, &network, id, &[tcp(host_port, 80)]);
    add(&add_with("c1", 8080));
    let whole = nat(&host, "iptables");
    assert_each_jump_once(&whole);
    for (number, jump) in (1..).zip(jumps(&whole)) {
        host.run(&format!("iptables -t nat {}", jump.replacen("-A", "-D", 1)));
        let next = add_with(&format!("next{number}"), 8080 + number);
        let broken = broken_iptables("iptables-restore");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", broken.path().display());
        assert_eq!(next.clone().env("PATH", &path).run(plugin()).error().0, 103, "{jump}");
        add(&next);
        assert_each_jump_once(&nat(&host, "iptables"));
    }
}

#[test]
fn defect_10_a_del_that_cannot_remove_rules_fails_and_does_not_release_the_address() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    add(&call);
    // DEL runs the variant that ADD noted, whichever the default is by then.
    let fails = || Script::always(Behaviour::exit(1).with_stderr("made to fail\n"));
    let broken = broken_iptables("iptables-nft-restore").with("iptables-legacy-restore", &fails());
    let path = format!("{}:/usr/sbin:/usr/bin", broken.path().display());
    let outcome = call.clone().as_verb("DEL").env("PATH", &path).run(plugin());
    let (code, msg, _) = outcome.error();
    assert_eq!(code, 11, "{msg}");
    assert!(msg.contains("-restore changing rules failed"), "{msg}");
    assert_eq!(dir.verbs(), ["inner ADD"], "the delegate was not called to release the address");
    assert_eq!(dnat(&host).len(), 1);
    del(&call);
    assert_eq!(dir.verbs(), ["inner ADD", "inner DEL"]);
    assert_eq!(dnat(&host), [] as [&str; 0]);
}

#[test]
fn defect_11_concurrent_adds_create_each_jump_once() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    for round in 0..4_u16 {
        let calls: Vec<_> = (0..8_u16)
            .map(|n| {
                fake_container(
                    &host,
                    &dir,
                    &network,
                    &format!("c{n}"),
                    &[tcp(8000 + 100 * round + n, 80)],
                )
            })
            .collect();
        let running: Vec<_> = calls.iter().map(|call| call.start(plugin())).collect();
        running.into_iter().for_each(|call| drop(call.finish().expect_success()));
        assert_each_jump_once(&nat(&host, "iptables"));
        calls.iter().for_each(|call| drop(del(call)));
    }
}

#[test]
fn defect_11_duplicate_jumps_of_the_original_are_removed() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    host.run(&format!("iptables -t nat -N {CHAIN}"));
    for jump in ["PREROUTING", "PREROUTING", "PREROUTING", "OUTPUT ! -d 127.0.0.0/8"].repeat(2) {
        host.run(&format!("iptables -t nat -A {jump} -m addrtype --dst-type LOCAL -j {CHAIN}"));
    }
    assert_eq!(jumps(&nat(&host, "iptables")).len(), 8);
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    assert_each_jump_once(&nat(&host, "iptables"));
}

#[test]
fn defect_12_an_invalid_chain_name_is_refused_and_a_del_changes_nothing_else() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    for bad in
        ["", "ACCEPT", "PREROUTING", "RETURN", "DNAT", "MASQUERADE", "a b", "-x", &"x".repeat(29)]
    {
        let mut other = network.clone();
        other["chain"] = json!(bad);
        let call = fake_container(&host, &dir, &other, "c2", &[tcp(8081, 80)]);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 7, "{bad:?}");
        assert!(msg.contains("chain: "), "{msg}");
        del(&call);
    }
    let mut longest = network.clone();
    longest["chain"] = json!("x".repeat(28));
    add(&fake_container(&host, &dir, &longest, "c3", &[tcp(8083, 80)]));
    assert_eq!(dnat(&host).len(), 1);
    assert_eq!(rules(&host, "-A PREROUTING").len(), 2);
}

#[test]
fn defect_13_a_host_port_of_another_container_and_invalid_ports_are_refused() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    host.container("live");
    let first =
        fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]).netns("/run/netns/live");
    add(&first);
    let (code, msg, _) =
        fake_container(&host, &dir, &network, "c2", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("8080") && msg.contains("container c1"), "{msg}");
    for bad in [
        json!(0),
        json!(65536),
        json!(-1),
        json!(80.5),
        json!(5_000_000_000_u64),
        json!("http"),
        json!(true),
    ] {
        for mapping in [
            json!({"host_port": bad, "container_port": 80}),
            json!({"host_port": 80, "container_port": bad}),
        ] {
            let (code, msg, _) =
                fake_container(&host, &dir, &network, "c3", &[mapping]).run(plugin()).error();
            assert_eq!(code, 7, "{bad}");
            assert!(msg.contains("port_mappings[0]."), "{msg}");
        }
    }
}

#[test]
fn defect_14_results_of_every_version_are_read_and_ip6_is_mapped() {
    let host = Host::new();
    let four = "10.0.0.2:80";
    let six = "[fd00::2]:80";
    let results = [
        (
            json!({"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "10.0.0.2/24"}]}),
            [true, false],
        ),
        (
            json!({
                "cniVersion": "1.0.0",
                "ips": [{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}],
            }),
            [true, true],
        ),
        (json!({"cniVersion": "0.2.0", "ip6": {"ip": "fd00::2/64"}}), [false, true]),
    ];
    for (result, expected) in results {
        let dir = PluginDir::new()
            .with("inner", &Script::succeed().on("ADD", Behaviour::result(result.clone())));
        let network = json!({"name": "mesos", "chain": CHAIN, "delegate": {"type": "inner"}});
        let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
        add(&call);
        let mapped = [("iptables", four), ("ip6tables", six)]
            .map(|(family, target)| nat(&host, family).contains(target));
        assert_eq!(mapped, expected, "IPv4 and IPv6 for {result}");
        del(&call);
    }
}

#[test]
fn defect_15_version_is_answered_and_the_whole_configuration_is_passed_to_the_delegate() {
    let outcome =
        cni_test_kit::CallBuilder::version().stdin(r#"{"cniVersion":"0.4.0"}"#).run(plugin());
    let output = outcome.expect_success().json();
    assert_eq!(output["cniVersion"], "0.4.0");
    assert_eq!(output["supportedVersions"].as_array().map(Vec::len), Some(7));
    let host = Host::new();
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let network = json!({
        "name": "n", "cniVersion": "1.0.0", "delegate": {"type": "inner"},
        "runtimeConfig": {"x": 1},
    });
    add(&fake_container(&host, &dir, &network, "c1", &[]));
    let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
    assert_eq!(
        (&passed["cniVersion"], &passed["runtimeConfig"]),
        (&json!("1.0.0"), &json!({"x": 1}))
    );
}

#[test]
fn defect_16_del_cleans_up_with_an_invalid_configuration_or_delegate() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    add(&call);
    assert_eq!(dnat(&host).len(), 1);
    let mut broken = network.clone();
    broken["chain"] = json!(["?"]);
    broken["excludeDevices"] = json!(7);
    let with_bad_mappings =
        fake_container(&host, &dir, &broken, "c1", &[json!({"host_port": "x"})]);
    del(&with_bad_mappings);
    assert_eq!(dnat(&host), [] as [&str; 0]);
    add(&call);
    let (code, msg, _) = call.clone().as_verb("DEL").cni_path("/nonexistent").run(plugin()).error();
    assert_eq!((code, msg.contains("inner")), (7, true), "{msg}");
    assert_eq!(
        dnat(&host),
        [] as [&str; 0],
        "the rules were removed although the delegate is missing"
    );
}

#[test]
fn defect_17_add_and_del_remove_stale_udp_flows() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    // Both remain reachable after a DEL, so that only the tracked flow decides which one answers.
    let [one, two] = [("one", 1), ("two", 2)].map(|(name, net)| {
        host.neighbour(name, &format!("10.0.{net}.1/24"), &format!("10.0.{net}.2/24"))
    });
    let _servers = [&one, &two].map(|container| container.serve(Traffic::Udp, 53));
    let [(to_one, network), (to_two, _)] = ["10.0.1.2/24", "10.0.2.2/24"].map(scripted);
    let udp = json!({"host_port": 5353, "container_port": 53, "protocol": "udp"});
    let first = fake_container(&host, &to_one, &network, "c1", std::slice::from_ref(&udp));
    let second = fake_container(&host, &to_two, &network, "c2", &[udp]);
    // Always from the same port, as a client that keeps its flow alive.
    let ask = |timeout: &str| {
        outside.peer(&["exchange", "udp", HOST, "5353", "--from", "40000", "--timeout", timeout])
    };
    // Flows are tracked only where there is a mapping.
    add(&fake_container(&host, &to_one, &network, "other", &[tcp(8080, 80)]));
    ask("500").expect_err("nothing is mapped yet, but the flow is tracked now");
    add(&first);
    assert!(ask("60000").expect("the flow to the host was removed").contains("one"));
    del(&first);
    ask("500").expect_err("the flow to the first was removed");
    add(&second);
    assert!(ask("60000").expect("and so was the one to the host").contains("two"));
}

/// A tracked flow leads to a container as long as packets arrive, whatever has become of its rules.
#[test]
fn all_flows_of_a_container_that_is_replaced_are_removed() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let [gone, next, last] = [("gone", 1), ("next", 2), ("last", 3)].map(|(name, net)| {
        host.neighbour(name, &format!("10.0.{net}.1/24"), &format!("10.0.{net}.2/24"))
    });
    let _servers = [&gone, &next, &last].map(|container| container.serve(Traffic::Udp, 53));
    let addresses = ["10.0.1.2/24", "10.0.2.2/24", "10.0.3.2/24"];
    let [(to_gone, network), (to_next, _), (to_last, _)] = addresses.map(scripted);
    let udp = |port: u16| json!({"host_port": port, "container_port": 53, "protocol": "udp"});
    let netns = host.container("c1");
    let both = [udp(5353), udp(5354)];
    let first = fake_container(&host, &to_gone, &network, "c1", &both).netns(&netns.netns());
    add(&first);
    // From the same ports each time, as clients that keep their flows alive.
    let ask = |port: &str| {
        outside.peer(&["exchange", "udp", HOST, port, "--from", "40000", "--timeout", "60000"])
    };
    for port in ["5353", "5354"] {
        assert!(ask(port).expect("the first answers").contains("gone"));
    }
    netns.delete();
    add(&fake_container(&host, &to_next, &network, "c2", &[udp(5353)]));
    assert!(ask("5353").expect("its port leads to the next").contains("next"));
    // Nothing was mapped at the other port meanwhile: its flow must not have outlived its owner.
    let flows = tracked_flows(&host);
    assert!(flows.contains("10.0.2.2"), "one leads to the next: {flows}");
    assert!(!flows.contains("10.0.1.2"), "no flow leads to the first: {flows}");
    add(&fake_container(&host, &to_last, &network, "c3", &[udp(5354)]));
    assert!(ask("5354").expect("and neither does the other").contains("last"));
}

/// Returns the tracked flows of the host.
fn tracked_flows(host: &Host) -> String {
    host.read("/proc/net/nf_conntrack")
}

#[test]
fn defect_18_the_last_del_removes_chain_and_jumps_and_leaves_foreign_rules() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
    add(&call);
    let foreign = ["-t nat -N OTHER", "-t nat -A POSTROUTING -s 10.9.9.9/32 -j OTHER"];
    foreign.iter().for_each(|rule| drop(host.run(&format!("iptables {rule}"))));
    host.run(&format!("iptables -t nat -A {CHAIN} -p tcp --dport 9 -j RETURN"));
    del(&call);
    assert_eq!(dnat(&host).len(), 1, "an operator's rule stays, and so does the chain");
    host.run(&format!("iptables -t nat -F {CHAIN}"));
    add(&call);
    del(&call);
    let left = nat(&host, "iptables");
    assert!(!left.contains(CHAIN), "it was still ours, and goes with its jumps: {left}");
    assert!(left.contains("-A POSTROUTING -s 10.9.9.9/32 -j OTHER"), "foreign rules stay: {left}");
}
