//! A host with a backend to test, a client outside, and what is asked of them again and again.

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Netns, PluginDir};
use serde_json::{Value, json};

pub(crate) use crate::common::traces::{NFTABLES, listing, traces};
use crate::common::{HOST, PLUGINS, on_paper, plugin, scripted, seed};

/// The client outside.
pub(crate) const CLIENT: &str = "203.0.113.9";
pub(crate) const STATE: &str = "/run/mesos-cni-port-mapper";
pub(crate) const BRIDGE: &str = "mesos-cni0";

/// A host with one client outside, and containers on a real bridge.
pub(crate) struct World {
    pub(crate) backend: &'static str,
    pub(crate) outside: Neighbour,
    pub(crate) host: Host,
}

impl World {
    pub(crate) fn new(backend: &'static str) -> Self {
        let host = Host::new();
        let outside = host.neighbour("outside", &format!("{HOST}/24"), &format!("{CLIENT}/24"));
        Self { backend, outside, host }
    }

    /// The seed configuration with this backend, and these keys over it.
    pub(crate) fn network(&self, keys: Value) -> Value {
        with(with(seed(&[]), json!({"backend": self.backend})), keys)
    }

    /// ADD of a new container with mappings as runtimes other than Mesos hand them over.
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

    pub(crate) fn traces(&self) -> String {
        traces(&self.host, self.backend)
    }
}

/// A container that was attached.
pub(crate) struct Running {
    pub(crate) container: Container,
    pub(crate) call: CallBuilder,
}

impl Running {
    pub(crate) fn del(&self) {
        crate::common::del(&self.call);
    }
}

/// A host where a scripted delegate hands out addresses: for tests of rules, not of traffic.
pub(crate) struct Paper {
    pub(crate) backend: &'static str,
    pub(crate) plugins: PluginDir,
    pub(crate) network: Value,
    pub(crate) host: Host,
}

impl Paper {
    pub(crate) fn new(backend: &'static str) -> Self {
        let (plugins, network) = scripted("10.0.0.2/24");
        // Without a version of its own the delegate is told of every verb.
        let keys =
            json!({"backend": backend, "cniVersion": "1.1.0", "delegate": {"type": "inner"}});
        let network = with(network, keys);
        Self { backend, plugins, network, host: Host::new() }
    }

    /// ADD of a live container that Mesos gave these mappings.
    pub(crate) fn call(&self, id: &str, mappings: &[Value]) -> CallBuilder {
        on_paper(&self.host, &self.plugins, &self.network, id, mappings)
    }

    /// ADD of a live container that another runtime gave these mappings.
    pub(crate) fn runtime(&self, id: &str, mappings: Value) -> CallBuilder {
        self.call(id, &[]).key("runtimeConfig", json!({ "portMappings": mappings }))
    }

    pub(crate) fn traces(&self) -> String {
        traces(&self.host, self.backend)
    }

    /// Runs the backend's own program, such as `iptables-nft`, with these words.
    pub(crate) fn tool(&self, words: &str) {
        match self.backend {
            NFTABLES => self.host.run(&format!("nft {words}")),
            iptables => self.host.run(&format!("{iptables} -w {words}")),
        };
    }
}

fn with(mut object: Value, keys: Value) -> Value {
    for (key, value) in keys.as_object().into_iter().flatten() {
        object[key] = value.clone();
    }
    object
}

/// One TCP mapping as runtimes have it.
pub(crate) fn port(host_port: u16, container_port: u16) -> Value {
    json!({"hostPort": host_port, "containerPort": container_port, "protocol": "tcp"})
}

/// The same at one address of the host.
pub(crate) fn port_at(address: &str, host_port: u16, container_port: u16) -> Value {
    with(port(host_port, container_port), json!({ "hostIP": address }))
}

/// The names of files below a directory of the host; none when it is not there.
pub(crate) fn files(place: &Netns, directory: &str) -> Vec<String> {
    let names = place.sh(&format!("find {directory} -mindepth 1 -printf '%P\\n' 2>/dev/null || :"));
    names.lines().map(str::to_owned).collect()
}

/// Whether packets of 127.0.0.1 may leave by the interface.
pub(crate) fn route_localnet(place: &Netns, interface: &str) -> bool {
    place.read(&format!("/proc/sys/net/ipv4/conf/{interface}/route_localnet")).trim() == "1"
}
