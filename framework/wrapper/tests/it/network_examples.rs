//! The examples that work on the network, with traffic between real namespaces.

use cni_test_kit::{CallBuilder, Container, Host, Traffic, wait_until};
use serde_json::{Value, json};

use crate::common::example;

const PLUGINS: &str = "/usr/lib/cni";
/// Ids of containerd that differ at their end only.
const ID: &str = "0f2d9e8c7b6a5f4e3d2c1b0a99887766554433221100ffeeddccbbaa00000001";
const OTHER: &str = "0f2d9e8c7b6a5f4e3d2c1b0a99887766554433221100ffeeddccbbaa00000002";

/// Returns a host that forwards, with a bridge.
fn host() -> Host {
    let host = Host::new();
    host.sh("ip link add br0 address 02:00:00:00:00:01 type bridge
             ip address add 10.22.0.1/24 dev br0
             ip address add fd00:22::1/64 dev br0 nodad && ip link set br0 up
             echo 1 >/proc/sys/net/ipv4/ip_forward");
    host
}

fn add(host: &Host, container: &Container, id: &str, config: Value) -> CallBuilder {
    let bridge = json!({
        "type": "bridge", "cniVersion": "1.0.0", "bridge": "br0", "isDefaultGateway": true,
        "ipam": {"type": "host-local", "ranges": [
            [{"subnet": "10.22.0.0/24"}], [{"subnet": "fd00:22::/64"}],
        ]},
    });
    let call = CallBuilder::add("net").within(host).container(container).container_id(id);
    let call = call.cni_path(PLUGINS).config(config).key("delegate", bridge);
    call.key("cniVersion", json!("1.1.0"))
}

#[test]
fn neighbours_of_the_last_container_with_an_address_reach_the_new_one_once_it_is_announced() {
    let host = host();
    let container = host.container("c1");
    let call = add(&host, &container, ID, json!({}));
    let attached = call.run(example("nothing")).expect_success().json();
    let _servers =
        [container.serve(Traffic::Http, 80), container.serve_on(Traffic::Http, "::", 81)];
    // What the host knows of the last container with these addresses. (The bridge plugin announces
    // IPv4 addresses itself, so this comes after it.)
    host.sh("for ip in 10.22.0.2 fd00:22::2; do
                 ip neighbour replace $ip lladdr 02:00:00:00:00:99 dev br0 nud reachable
             done");
    let is_stale = |address: &str| {
        host.run(&format!("ip neighbour show {address} dev br0")).contains("02:00:00:00:00:99")
    };
    let chained = call.key("delegate", Value::Null).key("prevResult", attached);
    chained.run(example("nothing")).expect_success();
    assert!(is_stale("10.22.0.2") && is_stale("fd00:22::2"), "nothing was announced");
    chained.run(example("announce-addresses")).expect_success();
    for address in ["10.22.0.2", "fd00:22::2"] {
        wait_until("the host knows the new container", || !is_stale(address));
    }
    host.fetch("http://10.22.0.2:80/").expect("an answer of the container");
    host.fetch("http://[fd00:22::2]:81/").expect("an answer of the container");
}

#[test]
fn only_allowed_destinations_are_reached_until_the_last_container_of_the_policy_is_removed() {
    let host = host();
    let allowed = host.neighbour("allowed", "192.0.2.1/24", "192.0.2.2/24");
    let other = host.neighbour("other", "198.51.100.1/24", "198.51.100.2/24");
    let _servers = [allowed.serve(Traffic::Http, 80), other.serve(Traffic::Http, 80)];
    let _own = host.serve(Traffic::Http, 80);
    let policy = json!({"allow": ["192.0.2.0/25", "192.0.2.2", "fd00:1::/32"]});
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let calls = [add(&host, &c1, ID, policy.clone()), add(&host, &c2, OTHER, policy)];
    let program = example("egress-policy");
    let results: Vec<Value> =
        calls.iter().map(|call| call.run(&program).expect_success().json()).collect();
    for container in [&c1, &c2] {
        let answer = container.fetch("http://192.0.2.2:80/").expect("it is allowed");
        assert!(answer.starts_with("allowed saw "), "{answer}");
        for refused in ["198.51.100.2", "10.22.0.1"] {
            let error = container.fetch(&format!("http://{refused}:80/")).expect_err("refused");
            assert!(!error.contains("timed out"), "it is rejected, not dropped: {error}");
        }
    }
    let _server = c1.serve(Traffic::Http, 80);
    other.fetch("http://10.22.0.2:80/").expect("replies pass");
    let listed = host.run("nft list set inet cni-egress-net containers4");
    assert!(
        listed.contains(&format!("\"container_id: {ID} network: net ifname: eth0\"")),
        "{listed}"
    );

    // CHECK notices what is missing, and an ADD for the address replaces the element of another.
    let check = calls[0].clone().as_verb("CHECK").key("prevResult", results[0].clone());
    check.run(&program).expect_success();
    host.run("nft delete element inet cni-egress-net containers4 { 10.22.0.2 }");
    assert_eq!(check.run(&program).error().0, 100);

    calls[0].clone().as_verb("DEL").run(&program).expect_success();
    let listed = host.run("nft list ruleset");
    assert!(!listed.contains(ID) && listed.contains(OTHER), "{listed}");
    let valid = json!([]);
    let gc = calls[1].clone().as_verb("GC").key("cni.dev/valid-attachments", valid);
    // Debian's bridge does not know GC.
    let gc = gc.key("delegate", Value::Null).key("prevResult", Value::Null);
    gc.run(&program).expect_success();
    assert_eq!(host.run("nft list ruleset"), "");
    c2.fetch("http://198.51.100.2:80/").expect("there is no policy any more");
    calls[1].clone().as_verb("DEL").run(&program).expect_success();
}

#[test]
fn a_destination_that_is_not_an_address_is_refused_before_anything_is_changed() {
    let host = host();
    let container = host.container("c1");
    for wrong in ["10.0.0.0/33", "10.0.0.0/x", "example.org", "10.0.0.0/"] {
        let call = add(&host, &container, ID, json!({"allow": ["10.0.0.1", wrong]}));
        let (code, msg, _) = call.run(example("egress-policy")).error();
        assert!(code == 7 && msg.starts_with("allow[1]: ") && msg.contains(wrong), "{msg}");
    }
    assert!(!container.run("ip link").contains("eth0"));
}

#[test]
fn a_client_of_tokio_fetches_a_secret_in_a_hook_and_its_error_undoes_the_attachment() {
    let host = host();
    let container = host.container("c1");
    let config =
        |port: u16| json!({"service": format!("127.0.0.1:{port}"), "secretsDir": "/run/secrets"});
    let program = example("fetch-secret");
    let call = add(&host, &container, ID, config(8200));
    let (code, msg, _) = call.run(&program).error();
    let expected = "asking 127.0.0.1:8200 for a secret: Connection refused";
    assert!(code == 5 && msg.contains(expected), "{code}: {msg}");
    assert!(!container.run("ip link").contains("eth0"), "the delegate's part is undone");

    let server = host.serve(Traffic::Http, 8200);
    call.run(&program).expect_success();
    let secret = host.fetch("http://127.0.0.1:8200/").expect("the service answers");
    let stored = host.sh("cat /run/secrets/*");
    assert!(stored.contains(&format!("\"{secret}\"")), "{stored}");
    drop(server);
    call.as_verb("DEL").run(&program).expect_success();
    assert_eq!(host.run("find /run/secrets -type f"), "");
}
