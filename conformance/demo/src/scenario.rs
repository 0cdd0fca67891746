//! The steps of the demonstration.

use std::path::Path;

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Traffic};
use serde_json::{Value, json};

use super::steps::Steps;

/// The directory of Debian's containernetworking-plugins.
const PLUGINS: &str = "/usr/lib/cni";
const HOST_PORT: u16 = 8080;
const HOST_ADDRESS: &str = "203.0.113.1";

/// Returns the configuration from the documentation of Mesos. It has no `cniVersion`, so that
/// results have the format that Mesos reads.
fn network(exclude: &[&str]) -> Value {
    json!({
        "name": "mesos",
        "type": "mesos-cni-port-mapper",
        "excludeDevices": exclude,
        "chain": "MESOS-TEST-PORT-MAPPER",
        "delegate": {
            "type": "bridge",
            "bridge": "mesos-cni0",
            "isGateway": true,
            "ipMasq": true,
            "ipam": {
                "type": "host-local", "subnet": "192.168.0.0/16", "routes": [{"dst": "0.0.0.0/0"}],
            },
        },
    })
}

/// Returns the request of a Mesos framework: a port mapping and a label.
fn network_info() -> Value {
    json!({
        "labels": {"labels": [{"key": "app", "value": "demo"}]},
        "port_mappings": [{"host_port": HOST_PORT, "container_port": 80, "protocol": "tcp"}],
    })
}

/// Runs all steps.
pub(super) fn run(steps: &mut Steps, host: &Host, plugin: &Path) {
    let client = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    let before = host.snapshot();

    steps.part(
        "A Mesos container on a network that excludes its own bridge \
         (host port 8080 → container port 80)",
    );
    let container = host.container("web");
    let excluded = network(&["mesos-cni0"]);
    let call = call(&excluded, &container);
    if add(steps, &call, plugin, &container).is_some() {
        reached_from_outside_and_host(steps, host, &client);
        not_reached_through_excluded_device(steps, host, &excluded, plugin, &container);
        rules_and_list(steps, host, plugin);
    }
    del(steps, "DEL of the container", &call, plugin);

    steps.part(
        "The same network without excludeDevices: the container reaches itself through the host \
         port (hairpin)",
    );
    let container = host.container("self");
    let open = network(&[]);
    let call = self::call(&open, &container);
    if add(steps, &call, plugin, &container).is_some() {
        steps.step("container → its own host port", || {
            fetched(container.fetch(&url(HOST_ADDRESS)))
        });
    }
    del(steps, "DEL of the container", &call, plugin);

    steps.part("Cleanup");
    steps.step("rules, addresses, leases and files are as before", || nothing_left(host, &before));
}

fn call(network: &Value, container: &Container) -> CallBuilder {
    let name = network["name"].as_str().unwrap_or_default();
    CallBuilder::add(name)
        .config(network.clone())
        .mesos(network_info())
        .container(container)
        .cni_path(PLUGINS)
}

fn add(steps: &mut Steps, call: &CallBuilder, plugin: &Path, container: &Container) -> Option<()> {
    let server = steps.step("ADD, exactly as Mesos's isolator calls it", || {
        let outcome = call.run(plugin);
        if !outcome.status.success() {
            return Err(outcome.to_string());
        }
        let answer = outcome.json();
        let seen = format!("ip4 {}", answer["ip4"]["ip"].as_str().unwrap_or("is missing!"));
        let server = container.serve(Traffic::Http, 80);
        Ok((server, seen))
    })?;
    // It serves until the end of the demonstration, when its namespace is removed.
    std::mem::forget(server);
    Some(())
}

fn reached_from_outside_and_host(steps: &mut Steps, host: &Host, client: &Neighbour) {
    steps.step("from outside", || fetched(client.fetch(&url(HOST_ADDRESS))));
    steps.step("from the host, to its own address", || fetched(host.fetch(&url(HOST_ADDRESS))));
    steps.step("from the host, to 127.0.0.1", || fetched(host.fetch(&url("127.0.0.1"))));
}

/// Shows that traffic that enters through the excluded device is not mapped: from another container
/// on the bridge, and from the container itself.
fn not_reached_through_excluded_device(
    steps: &mut Steps,
    host: &Host,
    network: &Value,
    plugin: &Path,
    container: &Container,
) {
    let other = host.container("other");
    let without_ports = call(network, &other).mesos(json!({}));
    steps.step("ADD of another container, without ports", || {
        let outcome = without_ports.run(plugin);
        if outcome.status.success() { Ok(((), "")) } else { Err(outcome.to_string()) }
    });
    for (title, from) in [
        ("through the excluded bridge, from the other container", &other),
        ("through the excluded bridge, from the container itself", container),
    ] {
        steps.step(title, || match from.fetch(&url(HOST_ADDRESS)) {
            Err(_) => Ok(((), "not mapped, as expected")),
            Ok(answer) => Err(format!("was mapped: {answer}")),
        });
    }
    del(steps, "DEL of the other container", &without_ports, plugin);
}

fn rules_and_list(steps: &mut Steps, host: &Host, plugin: &Path) {
    steps.part(
        "The rules (iptables-save -t nat), and the owner of each port (mesos-cni-port-mapper list)",
    );
    let rules = host.run("iptables-save -t nat");
    let ours = rules.lines().filter(|line| line.contains("PORT-MAPPER"));
    steps.show(&ours.collect::<Vec<_>>().join("\n"));
    steps.show(&host.sh(&format!("'{}' list", plugin.display())));
}

fn del(steps: &mut Steps, title: &str, call: &CallBuilder, plugin: &Path) {
    steps.step(title, || {
        let outcome = call.clone().as_verb("DEL").run(plugin);
        if outcome.status.success() { Ok(((), "")) } else { Err(outcome.to_string()) }
    });
}

fn url(address: &str) -> String {
    format!("http://{address}:{HOST_PORT}/")
}

fn fetched(answer: Result<String, String>) -> Result<((), String), String> {
    answer.map(|text| ((), format!("\"{}\"", text.trim())))
}

fn nothing_left(
    host: &Host,
    before: &cni_test_kit::Snapshot,
) -> Result<((), &'static str), String> {
    // The delegate keeps its bridge, and host-local its last address, even without a port mapper.
    host.run("ip link delete mesos-cni0");
    host.run("rm -rf /var/lib/cni/networks /run/cni");
    // The lock file remains, since another run may be waiting for it.
    let ours = host.run("ls -A /run/mesos-cni-port-mapper");
    if ours.trim() != "lock" {
        return Err(format!("in /run/mesos-cni-port-mapper: {}", ours.trim()));
    }
    host.run("rm -r /run/mesos-cni-port-mapper");
    let difference = before.difference(&host.snapshot());
    if difference.is_empty() { Ok(((), "")) } else { Err(difference) }
}
