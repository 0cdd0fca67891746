//! Helpers for tests on temporary hosts.

#[macro_use]
mod backends;
pub(crate) mod own_rules;
pub(crate) mod systemd_unit;
mod traffic;
mod wait;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_test_kit::{
    Behaviour, CallBuilder, Container, Host, Netns, Outcome, PluginDir, Script, plugin_binary,
};
use serde_json::{Value, json};

pub(crate) use traffic::{exchanged, reached, unanswered, unreached};
pub(crate) use wait::{is_locked, is_waiting_for_a_lock, wait_until};

/// Debian's containernetworking-plugins.
pub(crate) const PLUGINS: &str = "/usr/lib/cni";
pub(crate) const CHAIN: &str = "MESOS-TEST-PORT-MAPPER";
/// The host's address on the link to the client outside.
pub(crate) const HOST: &str = "203.0.113.1";
pub(crate) const BACKENDS: [&str; 2] = ["iptables-nft", "iptables-legacy"];

pub(crate) fn plugin() -> PathBuf {
    plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper")
}

/// Returns the directory into which `cargo xtask test` unpacks a Debian package that would change
/// this machine if it were installed.
pub(crate) fn unpacked(package: &str) -> PathBuf {
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tools").join(package);
    let at = tree.display();
    assert!(tree.exists(), "{at} is missing; `cargo xtask test {package}` unpacks it");
    tree
}

/// Returns the configuration of Mesos's documentation with these excluded devices. It has no
/// `cniVersion`.
pub(crate) fn example_network(exclude: &[&str]) -> Value {
    json!({
        "name": "mesos",
        "type": "mesos-cni-port-mapper",
        "excludeDevices": exclude,
        "chain": CHAIN,
        "delegate": {
            "type": "bridge", "bridge": "mesos-cni0", "isGateway": true, "ipMasq": true,
            "ipam": {
                "type": "host-local", "subnet": "192.168.0.0/16", "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    })
}

/// The seconds to wait for a lock that will be released. The limit only ends a test that hangs.
pub(crate) const TIMEOUT: u64 = 120;

/// Returns a network with a scripted delegate that returns this address, and the delegate's
/// directory.
pub(crate) fn scripted(address: &str) -> (PluginDir, Value) {
    let result = json!({"cniVersion": "0.2.0", "ip4": {"ip": address}});
    let dir =
        PluginDir::new().with("inner", &Script::succeed().on("ADD", Behaviour::result(result)));
    let network = json!({
        "name": "mesos", "chain": CHAIN, "lockTimeout": TIMEOUT, "conflictTimeout": 0,
        "delegate": {"type": "inner", "cniVersion": "0.2.0"},
    });
    (dir, network)
}

/// Returns a port mapping of Mesos.
pub(crate) fn tcp(host_port: u16, container_port: u16) -> Value {
    json!({"host_port": host_port, "container_port": container_port})
}

pub(crate) fn mapped(mappings: &[Value]) -> Value {
    json!({"port_mappings": mappings, "labels": {"labels": [{"key": "app", "value": "test"}]}})
}

/// Returns an ADD as Mesos's isolator calls it.
pub(crate) fn mesos(network: &Value, container: &Container, mappings: &[Value]) -> CallBuilder {
    CallBuilder::add(network["name"].as_str().expect("a name"))
        .config(network.clone())
        .mesos(mapped(mappings))
        .container(container)
        .cni_path(PLUGINS)
        .limit(Duration::from_secs(TIMEOUT + 60))
}

/// Returns the same for a container that consists of an id only, with a scripted delegate.
pub(crate) fn fake_container(
    host: &Host,
    dir: &PluginDir,
    network: &Value,
    id: &str,
    mappings: &[Value],
) -> CallBuilder {
    CallBuilder::add(network["name"].as_str().expect("a name"))
        .config(network.clone())
        .mesos(mapped(mappings))
        .container_id(id)
        .netns("/proc/1/ns/mnt")
        .within(host)
        .cni_path(dir.path())
        .limit(Duration::from_secs(TIMEOUT + 60))
}

/// Gives this test and the programs that it starts a higher priority than other processes.
///
/// A call with a fault is traced: tracer and plugin alternate thousands of times, and if other
/// processes are busy, each of them would wait for the scheduler.
pub(crate) fn take_precedence() {
    const MOST: i32 = -20;
    // Without permission the test only takes longer.
    let _ = rustix::process::nice(MOST);
}

pub(crate) fn add(call: &CallBuilder) -> Outcome {
    call.run(plugin()).expect_success()
}

pub(crate) fn del(call: &CallBuilder) -> Outcome {
    call.clone().as_verb("DEL").run(plugin()).expect_success()
}

/// Returns the rules of the nat table as a variant lists them, without its comments, which contain
/// the time.
pub(crate) fn nat(place: &Netns, backend: &str) -> String {
    let listing = place.run(&format!("{backend}-save -t nat"));
    let lines = listing.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Returns the DNAT rules of the test's chain.
pub(crate) fn dnat(place: &Netns) -> Vec<String> {
    rules(place, &format!("-A {CHAIN} "))
}

/// Returns the rules of the nat table with this prefix.
pub(crate) fn rules(place: &Netns, prefix: &str) -> Vec<String> {
    let nat = nat(place, "iptables");
    nat.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

/// Returns the jumps to the test's chain in a listing of the nat table.
pub(crate) fn jumps(nat: &str) -> Vec<&str> {
    nat.lines().filter(|line| line.ends_with(&format!("-j {CHAIN}"))).collect()
}

/// Checks that each of the three jumps to the test's chain exists exactly once.
#[track_caller]
pub(crate) fn assert_each_jump_once(nat: &str) {
    let mut found = jumps(nat);
    found.sort_unstable();
    let expected = [
        "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j ",
        "-A OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j ",
        "-A PREROUTING -m addrtype --dst-type LOCAL -j ",
    ];
    assert_eq!(found, expected.map(|jump| format!("{jump}{CHAIN}")));
}

fn url(address: &str, port: u16) -> String {
    format!("http://{address}:{port}/")
}

/// Checks that the state directory contains only the lock, which remains since another process may
/// be waiting for it. Removes it, so that snapshots can be compared.
pub(crate) fn assert_nothing_is_left(host: &Host) {
    let left = host.run("ls -A /run/mesos-cni-port-mapper");
    assert_eq!(left.trim(), "lock", "DEL left files");
    host.run("rm -r /run/mesos-cni-port-mapper");
}
