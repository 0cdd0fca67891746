//! The networks and the attachments.

use std::time::Duration;

use cni_test_kit::{CallBuilder, Container, Host};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::common::own_rules::NFTABLES;
use crate::common::{PLUGINS, TIMEOUT};
use crate::soak::ledger::Ports;

pub(super) const BACKENDS: [&str; 3] = ["iptables-nft", "iptables-legacy", NFTABLES];
pub(super) const STATE_DIRS: [&str; 2] = ["/run/mesos-cni-port-mapper", "/run/second-port-mapper"];
const CHAINS: [&str; 3] = ["FIRST-PORT-MAPPER", "SECOND-PORT-MAPPER", "THIRD-PORT-MAPPER"];

/// The seconds that an ADD waits for the owner of a port, different for each network.
const CONFLICT_TIMEOUTS: [u64; 2] = [0, 1];

/// A network, whose configuration is chosen at random.
pub(super) struct Network {
    pub(super) name: String,
    pub(super) backend: &'static str,
    pub(super) state_dir: &'static str,
    chain: &'static str,
    conflict_timeout: u64,
}

impl Network {
    pub(super) fn random(number: usize, rng: &mut Rng) -> Self {
        Self {
            name: format!("net{number}"),
            backend: BACKENDS[rng.usize(..BACKENDS.len())],
            state_dir: STATE_DIRS[rng.usize(..STATE_DIRS.len())],
            chain: CHAINS[rng.usize(..CHAINS.len())],
            conflict_timeout: CONFLICT_TIMEOUTS[rng.usize(..CONFLICT_TIMEOUTS.len())],
        }
    }

    /// Returns an ADD, without container and ports.
    fn call(&self) -> CallBuilder {
        CallBuilder::add(&self.name)
            .config(json!({
                "cniVersion": "1.1.0", "backend": self.backend, "stateDir": self.state_dir,
                "chain": self.chain, "lockTimeout": TIMEOUT,
                "conflictTimeout": self.conflict_timeout,
            }))
            .limit(Duration::from_secs(2 * TIMEOUT))
    }

    /// Returns a GC with these valid attachments.
    pub(super) fn gc(&self, host: &Host, valid: &[Value]) -> CallBuilder {
        let call = self.call().as_verb("GC").without_netns().within(host);
        let call = call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME");
        let call = call.cni_path(PLUGINS);
        call.key("cni.dev/valid-attachments", json!(valid))
    }
}

/// What a runtime knows about an attachment.
#[derive(Debug)]
pub(super) enum Status {
    /// It does not exist.
    Absent,
    /// Its ADD succeeded.
    Attached(Attached),
    /// A call failed because the firewall was flushed meanwhile: any part of it may exist.
    Unknown,
    /// Its namespace was removed, and there was no DEL yet.
    Dead,
}

/// An existing attachment.
#[derive(Debug)]
pub(super) struct Attached {
    pub(super) ports: Vec<Ports>,
    pub(super) result: Value,
    /// The number of flushes up to its ADD; `None` if one was running then.
    pub(super) flushes: Option<usize>,
}

/// An attachment in the chained position, of a container with its own address and namespace.
pub(super) struct Attachment {
    pub(super) name: String,
    /// The number of its network.
    pub(super) network: usize,
    prev_result: Value,
    call: CallBuilder,
}

impl Attachment {
    /// Returns an attachment of a new container.
    pub(super) fn new(host: &Host, number: usize, network: usize, of: &Network) -> Self {
        let name = format!("c{number}");
        let call = of.call().container(&container(host, &name));
        let address = format!("10.9.{}.{}/16", number / 250, number % 250 + 2);
        let prev_result = json!({"cniVersion": "1.1.0", "ips": [{"address": address}]});
        Self { name, network, prev_result, call }
    }

    pub(super) fn add(&self, ports: &[Ports]) -> CallBuilder {
        self.with(ports).key("prevResult", self.prev_result.clone())
    }

    pub(super) fn check(&self, attached: &Attached) -> CallBuilder {
        let call = self.with(&attached.ports).as_verb("CHECK");
        call.key("prevResult", attached.result.clone())
    }

    pub(super) fn del(&self) -> CallBuilder {
        self.call.clone().as_verb("DEL")
    }

    fn with(&self, ports: &[Ports]) -> CallBuilder {
        let mappings: Vec<Value> = ports.iter().map(Ports::mapping).collect();
        self.call.clone().key("runtimeConfig", json!({ "portMappings": mappings }))
    }

    /// Returns its entry in `cni.dev/valid-attachments`.
    pub(super) fn valid(&self) -> Value {
        json!({"containerID": self.name, "ifname": "eth0"})
    }

    /// Removes its namespace.
    pub(super) fn remove_namespace(&self, host: &Host) {
        host.run(&format!("ip netns delete {}", self.name));
    }

    /// Creates its namespace again, as another one with the same name.
    pub(super) fn create_namespace(&self, host: &Host) {
        container(host, &self.name);
    }
}

fn container(host: &Host, name: &str) -> Container {
    host.container(name)
}
