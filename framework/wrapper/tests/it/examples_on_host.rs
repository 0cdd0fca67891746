//! The examples around the real bridge and host-local, in namespaces.

use cni_test_kit::{CallBuilder, Container, Host, PluginDir, RepeatedAdd, Script};
use serde_json::{Value, json};

use crate::common::example;

const PLUGINS: &str = "/usr/lib/cni";

fn bridge(version: &str) -> Value {
    json!({
        "type": "bridge",
        "cniVersion": version,
        "bridge": "br0",
        "isGateway": true,
        "mtu": 9000,
        "ipam": {"type": "host-local", "subnet": "10.22.0.0/24"},
    })
}

fn call(container: &Container, config: Value) -> CallBuilder {
    CallBuilder::add("net").container(container).cni_path(PLUGINS).config(config)
}

/// Returns a host whose `/run/hosts.d` exists.
fn host() -> Host {
    let host = Host::new();
    host.run("mkdir /run/hosts.d");
    host
}

fn leases(host: &Host) -> String {
    host.sh("ls /var/lib/cni/networks/net 2>/dev/null | grep -c '^10' || true").trim().to_owned()
}

#[test]
fn around_the_real_bridge_an_attachment_is_created_and_removed_in_every_version() {
    for name in ["nothing", "publish-hosts", "limit-mtu"] {
        let host = host();
        for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
            let container = host.container(&format!("c{}", version.replace('.', "-")));
            // Debian's bridge does not know 1.1.0.
            let inner = if version == "1.1.0" { "1.0.0" } else { version };
            let config = json!({
                "cniVersion": version, "hostsDir": "/run/hosts.d", "maxMtu": 1400,
                "delegate": bridge(inner),
            });
            let call = call(&container, config);
            let result = call.run(example(name)).expect_success().json();
            assert_eq!(result["cniVersion"], version);
            let address = result["ip4"]["ip"].as_str().or(result["ips"][0]["address"].as_str());
            let address = address.and_then(|text| text.strip_suffix("/24")).expect("an address");

            let eth0 = container.run("ip address show eth0");
            assert!(eth0.contains(address), "{eth0}");
            let mtu = if name == "limit-mtu" { "mtu 1400" } else { "mtu 9000" };
            assert!(eth0.contains(mtu), "{name}: {eth0}");
            let file = format!("/run/hosts.d/net@{}@eth0", container.name());
            assert_eq!(host.exists(&file), name == "publish-hosts");
            if name == "publish-hosts" {
                assert_eq!(host.read(&file), format!("{address} {}\n", container.name()));
            }

            let later = call.key("prevResult", result);
            if version >= "0.4.0" {
                later.clone().as_verb("CHECK").run(example(name)).expect_success();
            }
            if version == "1.1.0" {
                later.clone().as_verb("STATUS").run(example(name)).expect_success();
            }
            let del = later.as_verb("DEL");
            for _ in 0..2 {
                del.run(example(name)).expect_success();
            }
            assert_eq!(leases(&host), "0", "{name} {version}");
            assert!(!host.exists(&file), "{name} {version}");
            assert!(!container.run("ip link").contains("eth0"), "{name} {version}");
        }
    }
}

#[test]
fn chained_after_the_real_bridge_publish_hosts_reads_its_result() {
    let host = host();
    let container = host.container("c1");
    let bridge = call(&container, bridge("1.0.0"));
    let result = bridge.run(format!("{PLUGINS}/bridge")).expect_success().json();
    let config = json!({
        "cniVersion": "1.0.0", "hostsDir": "/run/hosts.d", "prevResult": result,
    });
    let chained = call(&container, config);
    let answer = chained.run(example("publish-hosts")).expect_success().json();
    assert_eq!(answer, result);
    assert_eq!(host.read("/run/hosts.d/net@c1@eth0"), "10.22.0.2 c1\n");
    chained.clone().as_verb("CHECK").run(example("publish-hosts")).expect_success();
    chained.as_verb("DEL").run(example("publish-hosts")).expect_success();
    assert!(!host.exists("/run/hosts.d/net@c1@eth0"));
    bridge.as_verb("DEL").run(format!("{PLUGINS}/bridge")).expect_success();
    assert_eq!(leases(&host), "0");
}

#[test]
fn a_failed_add_leaves_no_lease_and_no_interface() {
    let host = Host::new();
    let container = host.container("c1");
    let config = json!({
        "cniVersion": "1.0.0", "hostsDir": "/run/none-such", "delegate": bridge("1.0.0"),
    });
    let (code, ..) = call(&container, config).run(example("publish-hosts")).error();
    assert_eq!(code, 5);
    assert!(host.exists("/var/lib/cni/networks/net"), "host-local had allocated an address");
    assert_eq!(leases(&host), "0");
    assert!(!container.run("ip link").contains("eth0"));
}

#[test]
fn publish_hosts_distinguishes_networks_and_gc_removes_stale_files() {
    let host = host();
    let files =
        || host.sh("ls /run/hosts.d").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let result = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]});
    let call = |network: &str, id: &str| {
        let config = json!({
            "cniVersion": "1.1.0", "name": network, "hostsDir": "/run/hosts.d",
            "prevResult": result,
        });
        CallBuilder::add(network).config(config).container_id(id).cni_path(PLUGINS).within(&host)
    };
    for (network, id) in [("one", "c1"), ("two", "c1"), ("one", "c2"), ("one", "c3")] {
        call(network, id).run(example("publish-hosts")).expect_success();
    }
    call("one", "c1").as_verb("DEL").run(example("publish-hosts")).expect_success();
    assert_eq!(
        files(),
        ["one@c2@eth0", "one@c3@eth0", "two@c1@eth0"],
        "the same id on another network is kept"
    );
    let valid = json!([{"containerID": "c3", "ifname": "eth0"}]);
    let gc = call("one", "unused").as_verb("GC").key("cni.dev/valid-attachments", valid);
    gc.run(example("publish-hosts")).expect_success();
    assert_eq!(
        files(),
        ["one@c3@eth0", "two@c1@eth0"],
        "only invalid attachments of that network are removed"
    );
}

#[test]
fn a_repeated_add_fails_and_leaves_the_attached_container_as_it_was() {
    let second = PluginDir::new().with("second", &Script::succeed());
    let examples = example("publish-hosts").parent().expect("a directory").display().to_string();
    let path = second.cni_path_with(&format!("{examples}:{PLUGINS}"));
    let list = json!([bridge("1.0.0"), {"type": "second"}]);
    let stacked = json!({
        "type": "publish-hosts", "hostsDir": "/run/hosts.d", "delegate": bridge("1.0.0"),
    });
    for (name, delegate) in [
        ("nothing", bridge("1.0.0")),
        ("publish-hosts", bridge("0.2.0")),
        ("nothing", list),
        ("limit-mtu", stacked),
    ] {
        let (host, program) = (host(), example(name));
        let add = |container: &Container| {
            let config = json!({
                "cniVersion": "0.2.0", "hostsDir": "/run/hosts.d", "maxMtu": 1400,
                "delegate": delegate,
            });
            call(container, config).cni_path(&path)
        };
        let repeated = RepeatedAdd::new(&host, &program, &add, &[]);
        repeated.fails_and_changes_nothing();
        repeated.is_refused_in_another_namespace();
        repeated.another_container_gets_another_address(&add);
        repeated.del_leaves_nothing();
        assert_eq!(host.run("ls -A /run/hosts.d").trim(), "", "{name}");
    }
}

#[test]
fn an_interface_is_a_record_of_the_attachment_if_its_delegate_does_not_exist_any_more() {
    let host = Host::new();
    let container = host.container("c1");
    let attached = call(&container, json!({"cniVersion": "0.2.0", "delegate": bridge("0.2.0")}));
    attached.run(example("nothing")).expect_success();
    let del = attached.as_verb("DEL");
    for known in ["this plugin has a record of its ADD", "its interface exists"] {
        let (code, msg, _) = del.clone().cni_path("/none").run(example("nothing")).error();
        assert!(code == 7 && msg.contains(known), "{code}: {msg}");
        host.sh("rm -rf /run/cni-wrapper");
    }
    del.run(example("nothing")).expect_success();
    del.cni_path("/none").run(example("nothing")).expect_success();
}

#[test]
fn a_del_in_the_namespace_of_the_host_removes_no_interface_of_it() {
    let host = Host::new();
    host.run("ip link add eth0 type bridge");
    let container = host.container("c1");
    let attached = call(&container, json!({"cniVersion": "0.2.0", "delegate": bridge("0.2.0")}));
    attached.run(example("nothing")).expect_success();
    container.delete();
    // The process id of the container is used again, by a process of the host.
    let del = attached.as_verb("DEL").within(&host).netns("/proc/self/ns/net");
    del.run(example("nothing")).expect_success();
    assert_eq!(leases(&host), "0");
    assert!(host.run("ip link").contains("eth0"));
}

#[test]
fn bandwidth_from_labels_limits_a_container_with_the_real_bandwidth_plugin() {
    let host = Host::new();
    let (limited, free) = (host.container("c1"), host.container("c2"));
    let bandwidth =
        json!({"type": "bandwidth", "cniVersion": "1.0.0", "capabilities": {"bandwidth": true}});
    let config = json!({"cniVersion": "1.0.0", "delegate": [bridge("1.0.0"), bandwidth]});
    let labels = json!({"cni": {"labels": [{"key": "bandwidth", "value": "10M"}]}});
    let program = example("bandwidth-from-labels");
    call(&free, config.clone()).run(&program).expect_success();
    assert!(!host.run("tc qdisc show").contains("tbf"), "no label, no limit");
    let limited = call(&limited, config).key("args", labels);
    limited.run(&program).expect_success();
    let rates = host.run("tc qdisc show");
    assert_eq!(rates.matches("rate 10Mbit").count(), 2, "in both directions: {rates}");
    limited.as_verb("DEL").run(&program).expect_success();
    assert!(!host.run("tc qdisc show").contains("tbf"));
}

#[test]
fn fallback_uses_the_second_pool_when_the_first_is_exhausted() {
    let host = Host::new();
    let mut small = bridge("1.0.0");
    // One address is left beside that of the bridge.
    small["ipam"]["subnet"] = "10.23.0.0/30".into();
    let ptp = json!({
        "type": "ptp", "cniVersion": "1.0.0",
        "ipam": {"type": "host-local", "subnet": "10.24.0.0/24", "dataDir": "/run/second"},
    });
    // host-local has no code of its own for an empty pool.
    let config = json!({
        "cniVersion": "1.0.0", "delegate": small, "fallbacks": [ptp], "codes": [999],
    });
    let (first, second) = (host.container("c1"), host.container("c2"));
    let address = |container: &Container| {
        let result = call(container, config.clone()).run(example("fallback")).expect_success();
        result.json()["ips"][0]["address"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(address(&first), "10.23.0.2/30");
    assert!(address(&second).starts_with("10.24.0."));
    let leases = || host.sh("ls /run/second/net 2>/dev/null | grep -c '^10' || true");
    assert_eq!(leases().trim(), "1");
    call(&second, config.clone()).as_verb("DEL").run(example("fallback")).expect_success();
    assert_eq!(leases().trim(), "0", "DEL goes to the delegate that served");
    assert!(!second.run("ip link").contains("eth0"));
}
