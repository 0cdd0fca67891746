//! The configuration of Mesos's documentation on a real bridge with traffic, called as by Mesos's
//! isolator.

use cni_test_kit::{Host, Traffic};
use serde_json::json;

use crate::common::*;
use crate::programs::executable;

#[test]
fn the_port_is_reachable_from_everywhere_except_the_excluded_device() {
    for backend in BACKENDS {
        let host = Host::new();
        let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        let before = host.snapshot();
        let container = host.container("c1");
        let mut network = example_network(&["mesos-cni0"]);
        network["backend"] = json!(backend);
        let call = mesos(&network, &container, &[tcp(8080, 80)]);
        let result = add(&call).json();
        assert_eq!(result["ip4"]["ip"], "192.168.0.2/16", "the form that Mesos reads");
        let _server = container.serve(Traffic::Http, 80);

        let seen = reached(&outside, HOST, 8080, backend);
        assert!(seen.contains("203.0.113.9"), "{backend}: the client's address is kept: {seen}");
        reached(&host, HOST, 8080, backend);
        reached(&host, "127.0.0.1", 8080, backend);
        unreached(&container, HOST, 8080, "the bridge is excluded");

        del(&call);
        unreached(&outside, HOST, 8080, "nothing is mapped after DEL");
        host.run("ip link delete mesos-cni0");
        host.run("rm -rf /var/lib/cni/networks /run/cni");
        assert_nothing_is_left(&host);
        before.assert_same(&host.snapshot());
    }
}

#[test]
fn a_container_reaches_itself_and_its_neighbour_through_the_host_port() {
    for bridge_netfilter in [false, true] {
        let host = Host::new();
        host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        host.bridge_netfilter(bridge_netfilter);
        let [one, two] = ["c1", "c2"].map(|name| host.container(name));
        add(&mesos(&example_network(&[]), &one, &[tcp(8080, 80)]));
        add(&mesos(&example_network(&[]), &two, &[]));
        let _server = one.serve(Traffic::Http, 80);
        reached(&one, HOST, 8080, &format!("hairpin, bridge-nf {bridge_netfilter}"));
        reached(&two, HOST, 8080, &format!("neighbour, bridge-nf {bridge_netfilter}"));
    }
}

#[test]
fn mesos_gets_ip4_also_if_the_delegate_itself_is_called_with_1_0_0() {
    let host = Host::new();
    let container = host.container("c1");
    let mut network = example_network(&[]);
    network["delegate"]["cniVersion"] = json!("1.0.0");
    let result = add(&mesos(&network, &container, &[tcp(8080, 80)])).json();
    assert_eq!(result["ip4"]["ip"], "192.168.0.2/16");
    assert_eq!(result["ip4"]["gateway"], "192.168.0.1");
    assert_eq!(result["cniVersion"], "0.1.0");
}

#[test]
fn del_after_a_reboot_needs_no_namespace() {
    let host = Host::new();
    let container = host.container("c1");
    let call = mesos(&example_network(&[]), &container, &[tcp(8080, 80)]);
    add(&call);
    assert_eq!(dnat(&host).len(), 1);
    container.delete();
    del(&call.clone().without_netns());
    assert_eq!(dnat(&host), [] as [&str; 0]);
    assert!(!host.exists("/var/lib/cni/networks/mesos/192.168.0.2"), "the lease is released");
    del(&call.without_netns());
}

#[test]
fn a_container_without_mappings_does_not_run_iptables() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    // An iptables that records its calls.
    let trap = cni_test_kit::PluginDir::new()
        .with("iptables-save", &cni_test_kit::Script::succeed())
        .with("iptables-restore", &cni_test_kit::Script::succeed())
        .with("ip6tables-save", &cni_test_kit::Script::succeed())
        .with("ip6tables-restore", &cni_test_kit::Script::succeed());
    let call = fake_container(&host, &dir, &network, "c1", &[])
        .env("PATH", &trap.cni_path_with("/usr/bin:/bin"));
    add(&call);
    del(&call);
    assert_eq!(trap.verbs(), [] as [&str; 0]);
    let mapped = fake_container(&host, &dir, &network, "c2", &[tcp(8080, 80)]);
    add(&mapped.env("PATH", &trap.cni_path_with("/usr/bin:/bin")));
    assert!(!trap.verbs().is_empty(), "one with a mapping does");
}

#[test]
fn thirty_two_concurrent_adds_without_the_chain_succeed_and_create_no_duplicates() {
    for backend in BACKENDS {
        let host = Host::new();
        let (dir, mut network) = scripted("10.0.0.2/24");
        network["backend"] = json!(backend);
        let calls: Vec<_> = (0..32)
            .map(|n| fake_container(&host, &dir, &network, &format!("c{n}"), &[tcp(8000 + n, 80)]))
            .collect();
        let running: Vec<_> = calls.iter().map(|call| call.start(plugin())).collect();
        for call in running {
            call.finish().expect_success();
        }
        let nat = nat(&host, backend);
        for n in 0..32 {
            let rule = format!("--dport {} ", 8000 + n);
            assert_eq!(nat.matches(&rule).count(), 1, "{backend}: {rule}");
        }
        assert_each_jump_once(&nat);
        let deletions: Vec<_> =
            calls.iter().map(|call| call.clone().as_verb("DEL").start(plugin())).collect();
        for call in deletions {
            call.finish().expect_success();
        }
        assert!(
            !crate::common::nat(&host, backend).contains("PORT-MAPPER"),
            "{backend}: nothing is left"
        );
    }
}

#[test]
fn one_verb_runs_at_most_one_listing_and_one_restore_per_family() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let log = dir.path().join("iptables.log");
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).expect("mkdir");
    for program in [
        "iptables-save",
        "iptables-restore",
        "ip6tables-save",
        "ip6tables-restore",
        "iptables",
        "ip6tables",
    ] {
        let script =
            format!("echo {program} >>'{}'\nexec /usr/sbin/{program} \"$@\"", log.display());
        executable(&bin.join(program), &script);
    }
    let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80), tcp(8081, 81)])
        .env("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    let runs = |verb: &str| {
        let _ = std::fs::remove_file(&log);
        call.clone().as_verb(verb).run(plugin()).expect_success();
        std::fs::read_to_string(&log).unwrap_or_default()
    };
    // The scripts are asked for their version first, since their names don't tell the variant. Both
    // others are runs of iptables-restore, which can list single chains.
    assert_eq!(runs("ADD"), "iptables\niptables-restore\niptables-restore\n");
    assert_eq!(runs("DEL"), "iptables\niptables-restore\niptables-restore\n");
}
