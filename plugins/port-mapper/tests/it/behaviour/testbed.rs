//! Hosts for tests of a backend, and helpers for them.

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Netns, PluginDir};
use serde_json::{Value, json};

pub(crate) use crate::common::own_rules::{NFTABLES, listing, own_rules};
use crate::common::{HOST, PLUGINS, example_network, fake_container, plugin, scripted};

/// The client outside.
pub(crate) const CLIENT: &str = "203.0.113.9";
pub(crate) const STATE: &str = "/run/mesos-cni-port-mapper";
pub(crate) const BRIDGE: &str = "mesos-cni0";

/// A host with a client outside and containers on a real bridge.
pub(crate) struct TrafficTestbed {
    pub(crate) backend: &'static str,
    pub(crate) outside: Neighbour,
    pub(crate) host: Host,
}

impl TrafficTestbed {
    pub(crate) fn new(backend: &'static str) -> Self {
        let host = Host::new();
        let outside = host.neighbour("outside", &format!("{HOST}/24"), &format!("{CLIENT}/24"));
        Self { backend, outside, host }
    }

    /// Returns the configuration of Mesos's documentation with this backend and these keys.
    pub(crate) fn network(&self, keys: Value) -> Value {
        with(with(example_network(&[]), json!({"backend": self.backend})), keys)
    }

    /// Adds a new container with mappings in the form of runtimes other than Mesos.
    pub(crate) fn start(&self, name: &str, keys: Value, mappings: Value) -> Running {
        let container = self.host.container(name);
        let call = CallBuilder::add("mesos")
            .config(self.network(keys))
            .key("runtimeConfig", json!({ "portMappings": mappings }))
            .container(&container)
            .cni_path(PLUGINS);
        call.run(plugin()).expect_success();
        Running { container, call }
    }

    pub(crate) fn own_rules(&self) -> String {
        own_rules(&self.host, self.backend)
    }
}

/// An attached container.
pub(crate) struct Running {
    pub(crate) container: Container,
    pub(crate) call: CallBuilder,
}

impl Running {
    pub(crate) fn del(&self) {
        crate::common::del(&self.call);
    }
}

/// A host with a scripted delegate, for tests of rules without traffic.
pub(crate) struct RulesTestbed {
    pub(crate) backend: &'static str,
    pub(crate) plugins: PluginDir,
    pub(crate) network: Value,
    pub(crate) host: Host,
}

impl RulesTestbed {
    pub(crate) fn new(backend: &'static str) -> Self {
        let (plugins, network) = scripted("10.0.0.2/24");
        // Without `cniVersion` in its object, the delegate is called for every verb.
        let keys =
            json!({"backend": backend, "cniVersion": "1.1.0", "delegate": {"type": "inner"}});
        let network = with(network, keys);
        Self { backend, plugins, network, host: Host::new() }
    }

    /// Returns an ADD of a live container with mappings of Mesos.
    pub(crate) fn call(&self, id: &str, mappings: &[Value]) -> CallBuilder {
        fake_container(&self.host, &self.plugins, &self.network, id, mappings)
    }

    /// Returns an ADD of a live container with mappings of another runtime.
    pub(crate) fn runtime(&self, id: &str, mappings: Value) -> CallBuilder {
        self.call(id, &[]).key("runtimeConfig", json!({ "portMappings": mappings }))
    }

    pub(crate) fn own_rules(&self) -> String {
        own_rules(&self.host, self.backend)
    }

    /// Runs the backend's program, such as `iptables-nft`, with these arguments.
    pub(crate) fn tool(&self, args: &str) {
        match self.backend {
            NFTABLES => self.host.run(&format!("nft {args}")),
            iptables => self.host.run(&format!("{iptables} -w {args}")),
        };
    }
}

fn with(mut object: Value, keys: Value) -> Value {
    for (key, value) in keys.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

/// Returns a TCP mapping in the form of the capability.
pub(crate) fn port(host_port: u16, container_port: u16) -> Value {
    json!({"hostPort": host_port, "containerPort": container_port, "protocol": "tcp"})
}

/// Returns the same at a single address of the host.
pub(crate) fn port_at(address: &str, host_port: u16, container_port: u16) -> Value {
    with(port(host_port, container_port), json!({ "hostIP": address }))
}

/// Returns the names of all files below a directory of the host, or none if it does not exist.
pub(crate) fn files(place: &Netns, directory: &str) -> Vec<String> {
    let names = place.sh(&format!("find {directory} -mindepth 1 -printf '%P\\n' 2>/dev/null || :"));
    names.lines().map(str::to_owned).collect()
}

/// Reports whether `route_localnet` is enabled on an interface.
pub(crate) fn route_localnet(place: &Netns, interface: &str) -> bool {
    place.read(&format!("/proc/sys/net/ipv4/conf/{interface}/route_localnet")).trim() == "1"
}
