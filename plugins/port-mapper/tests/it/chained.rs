//! The chained position, as containerd and CRI-O use it, and delegates that misbehave.

use std::time::Duration;

use cni_test_kit::{
    Behaviour, CallBuilder, Container, Host, Outcome, PluginDir, Script, Stream, Traffic,
};
use serde_json::{Value, json};

use crate::common::*;

/// Debian 12's bridge supports CNI up to 1.0.0. A runtime passes its result to the next plugin of a
/// list of 1.1.0 nevertheless.
fn bridge() -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0",
        "isGateway": true, "ipMasq": true,
        "ipam": {"type": "host-local", "subnet": "10.88.0.0/16", "routes": [{"dst": "0.0.0.0/0"}]},
    })
}

fn run_bridge(verb: &str, container: &Container) -> Outcome {
    let call = CallBuilder::add("net")
        .as_verb(verb)
        .config(bridge())
        .container(container)
        .cni_path(PLUGINS);
    call.run("/usr/lib/cni/bridge").expect_success()
}

fn ours(container: &Container, prev_result: &Value) -> CallBuilder {
    let mappings =
        json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": ""}]);
    CallBuilder::add("net")
        .config(json!({"cniVersion": "1.1.0", "name": "net", "type": "mesos-cni-port-mapper"}))
        .key("runtimeConfig", json!({"portMappings": mappings}))
        .key("prevResult", prev_result.clone())
        .container(container)
        .cni_path(PLUGINS)
}

#[test]
fn a_whole_lifecycle_in_a_list_of_1_1_0_after_bridge() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let container = host.container("c1");
    let result = run_bridge("ADD", &container).json();
    let call = ours(&container, &result);

    call.clone().as_verb("STATUS").run(plugin()).expect_success();
    let output = add(&call).json();
    assert_eq!(output["cniVersion"], "1.1.0");
    assert_eq!(output["interfaces"], result["interfaces"], "passed on unchanged");
    assert_eq!(output["ips"], result["ips"]);
    let _server = container.serve(Traffic::Http, 80);
    for (place, address) in
        [(&*outside, HOST), (&*host, HOST), (&*host, "127.0.0.1"), (&*container, HOST)]
    {
        reached(place, address, 8080, "mapped");
    }

    let with_final = call.clone().key("prevResult", output);
    with_final.clone().as_verb("CHECK").run(plugin()).expect_success();
    let gc =
        |valid: Value| with_final.clone().as_verb("GC").key("cni.dev/valid-attachments", valid);
    gc(json!([{"containerID": "c1", "ifname": "eth0"}])).run(plugin()).expect_success();
    reached(&outside, HOST, 8080, "GC keeps what is valid");

    // libcni does not pass runtimeConfig to DEL by itself.
    with_final
        .clone()
        .key("runtimeConfig", json!(null))
        .as_verb("DEL")
        .run(plugin())
        .expect_success();
    run_bridge("DEL", &container);
    assert!(!nat(&host, "iptables").contains("PORT-MAPPER"), "nothing is left");
    let (code, msg, _) = with_final.as_verb("CHECK").run(plugin()).error();
    assert_eq!(code, 103, "CHECK after DEL: {msg}");
}

#[test]
fn gc_removes_attachments_that_are_no_longer_valid() {
    let host = Host::new();
    let container = host.container("c1");
    let result = run_bridge("ADD", &container).json();
    let call = ours(&container, &result);
    add(&call);
    assert!(nat(&host, "iptables").contains("PORT-MAPPER"));
    call.as_verb("GC").key("cni.dev/valid-attachments", json!([])).run(plugin()).expect_success();
    assert!(!nat(&host, "iptables").contains("PORT-MAPPER"));
}

#[test]
fn the_wrapper_works_in_a_list_of_1_1_0_around_a_delegate_that_supports_1_0_0() {
    let host = Host::new();
    let container = host.container("c1");
    let call = CallBuilder::add("net")
        .config(json!({"cniVersion": "1.1.0", "name": "net", "delegate": bridge()}))
        .key(
            "runtimeConfig",
            json!({"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}),
        )
        .container(&container)
        .cni_path(PLUGINS);
    let output = add(&call).json();
    assert_eq!(output["cniVersion"], "1.1.0");
    assert!(nat(&host, "iptables").contains("PORT-MAPPER"));
    for verb in ["CHECK", "GC", "STATUS", "DEL"] {
        call.clone().as_verb(verb).key("prevResult", output.clone()).run(plugin()).expect_success();
    }
    assert!(!nat(&host, "iptables").contains("PORT-MAPPER"));
}

#[test]
fn a_delegate_that_misbehaves_after_bridge_leaves_nothing() {
    let cases = [
        ("is killed", Behaviour::crash(9)),
        ("hangs", Behaviour::hang().ignoring_term().leaving_child(Duration::from_secs(60), false)),
        ("floods", Behaviour::flood(Stream::Stdout, None)),
        ("prints garbage", Behaviour::garbage()),
        ("prints two documents", Behaviour::two_documents()),
        ("prints nothing", Behaviour::empty()),
    ];
    let host = Host::new();
    let before = host.snapshot();
    for (number, (name, behaviour)) in cases.into_iter().enumerate() {
        let container = host.container(&format!("c{number}"));
        // A plugin that hangs uses its whole deadline. On a busy machine bridge may need longer:
        // then the case is repeated with a longer deadline.
        let times: &[u32] = if name == "hangs" { &[2, 10, 50] } else { &[60] };
        let blamed = times.iter().find_map(|time| misbehave(&container, name, &behaviour, *time));
        blamed.unwrap_or_else(|| panic!("{name}: bridge itself was too slow"));
        assert_eq!(container.run("ip -o link show type veth"), "", "{name}: no interface");
        assert_eq!(host.sh("find /var/lib/cni -name '10.88.*'"), "", "{name}: no lease");
        host.run("ip link delete cni0");
        let results = host.sh("find /run/cni-wrapper -type f 2>/dev/null || :");
        assert_eq!(results, "", "{name}: no stored result is left");
        host.run(
            "rm -rf /var/lib/cni/networks /run/cni /run/mesos-cni-port-mapper /run/cni-wrapper",
        );
        before.assert_same(&host.snapshot());
    }
}

/// Runs ADD and DEL with a misbehaving plugin after bridge. Returns `None` if bridge itself took
/// longer than `time` seconds.
fn misbehave(container: &Container, name: &str, behaviour: &Behaviour, time: u32) -> Option<()> {
    let dir = PluginDir::new().with("odd", &Script::succeed().on("ADD", behaviour.clone()));
    let network = json!({
        "name": "mesos", "chain": CHAIN, "wrapper": {"delegateTimeout": time},
        "delegate": [bridge(), {"type": "odd"}],
    });
    let call = mesos(&network, container, &[tcp(8080, 80)]).cni_path(dir.cni_path_with(PLUGINS));
    let (code, msg, details) = call.run(plugin()).error();
    del(&call);
    if code == 11 && (msg.contains("\"bridge\"") || details.contains("rollback")) {
        return None;
    }
    assert!([11, 102].contains(&code), "{name}: {code} {msg}");
    assert!(msg.contains("\"odd\""), "{name}: {msg}");
    assert!(!details.contains("rollback"), "{name}: the rollback succeeded: {details}");
    assert_eq!(dir.verbs(), ["odd ADD", "odd DEL", "odd DEL"], "{name}: the second is that of DEL");
    let left = container.processes();
    let left: Vec<_> = left.iter().filter(|process| process.command.contains("odd")).collect();
    assert!(left.is_empty(), "{name}: {left:?}");
    Some(())
}
