//! The reference plugins bridge and host-local run on a disposable host, called as runtimes do.

use cni_test_kit::{CallBuilder, Container, Host, Traffic};
use serde_json::{Value, json};

const PLUGINS: &str = "/usr/lib/cni";

fn network() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "bridge": "br-test",
        "isGateway": true,
        "ipam": {
            "type": "host-local",
            "subnet": "10.22.0.0/24",
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    })
}

fn call(verb: &str, container: &Container) -> CallBuilder {
    CallBuilder::verb(verb, "test").container(container).config(network()).cni_path(PLUGINS)
}

fn bridge() -> String {
    let bridge = format!("{PLUGINS}/bridge");
    let exists = std::path::Path::new(&bridge).exists();
    assert!(exists, "{bridge} is missing: install containernetworking-plugins");
    bridge
}

#[test]
fn a_container_on_a_real_bridge_can_be_a_server_and_a_client() {
    let host = Host::new();
    let container = host.container("c1");
    let outside = host.neighbour("outside", "10.9.0.1/24", "10.9.0.2/24");

    let result = call("ADD", &container).run(bridge()).expect_success().json();
    assert_eq!(result["ips"][0]["address"], "10.22.0.2/24");

    let _gateway = host.serve(Traffic::Tcp, 7);
    assert_eq!(container.exchange(Traffic::Tcp, "10.22.0.1", 7).unwrap(), "host saw 10.22.0.2");
    let _server = container.serve(Traffic::Http, 80);
    assert_eq!(outside.fetch("http://10.22.0.2:80/").unwrap(), "c1 saw 10.9.0.2");
    let _other = outside.serve(Traffic::Udp, 53);
    assert_eq!(container.exchange(Traffic::Udp, "10.9.0.2", 53).unwrap(), "outside saw 10.22.0.2");
}

#[test]
fn a_second_attachment_leaves_nothing_behind_after_its_del() {
    let host = Host::new();
    // The first attachment creates the bridge and the directory of leases, which remain.
    let first = host.container("c1");
    call("ADD", &first).run(bridge()).expect_success();
    call("DEL", &first).run(bridge()).expect_success();
    let (second, before) = (host.container("c2"), host.snapshot());
    let inside = second.snapshot();

    call("ADD", &second).run(bridge()).expect_success();
    let difference = before.difference(&host.snapshot());
    assert!(difference.contains("+ files: /var/lib/cni/networks/test/10.22.0.3"), "{difference}");
    assert!(difference.contains("+ links: veth"), "{difference}");
    assert!(inside.difference(&second.snapshot()).contains("+ links: eth0 up"));

    call("DEL", &second).run(bridge()).expect_success();
    before.assert_same(&host.snapshot());
    inside.assert_same(&second.snapshot());
    assert_eq!(host.processes(), []);
}
