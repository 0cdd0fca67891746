//! An attachment, and what its runtime knows about it.

use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Host, PluginDir, Script};
use serde_json::{Value, json};

use super::ledger::Ports;
use crate::common::TIMEOUT;

/// The name and chain of each network. Two of them share a chain.
pub(crate) const NETWORKS: [(&str, &str); 3] =
    [("red", "SHARED-PORT-MAPPER"), ("green", "SHARED-PORT-MAPPER"), ("blue", "BLUE-PORT-MAPPER")];

/// What a runtime knows about an attachment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Status {
    /// It does not exist.
    Absent,
    /// It has these ports; the result of its ADD.
    Attached(Vec<Ports>, Value),
    /// A call was killed: any part of it may exist.
    Unknown,
}

/// An attachment with an address that no other one has.
pub(crate) struct Attachment {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) network: &'static str,
    call: CallBuilder,
    _plugins: PluginDir,
}

impl Attachment {
    /// Returns an attachment of a container that consists of a namespace only.
    pub(crate) fn new(host: &Host, backend: &str, number: usize) -> Self {
        let (network, chain) = NETWORKS[number % NETWORKS.len()];
        let address = format!("10.0.{}.{}/16", number / 250, number % 250 + 2);
        let result = json!({"ips": [{"address": address}]});
        let plugins =
            PluginDir::new().with("inner", &Script::succeed().on("ADD", Behaviour::result(result)));
        let name = format!("s{number}");
        let call = CallBuilder::add(network)
            .config(json!({
                "cniVersion": "1.1.0", "backend": backend, "chain": chain,
                "excludeDevices": ["excluded0"], "lockTimeout": TIMEOUT,
                "conflictTimeout": 0, "delegate": {"type": "inner"},
            }))
            .limit(Duration::from_secs(TIMEOUT + 60))
            .container(&host.container(&name))
            .cni_path(&plugins);
        Self { number, name, network, call, _plugins: plugins }
    }

    pub(crate) fn add(&self, ports: &[Ports]) -> CallBuilder {
        let mappings: Vec<Value> = ports.iter().map(Ports::mapping).collect();
        self.call.clone().key("runtimeConfig", json!({ "portMappings": mappings }))
    }

    pub(crate) fn check(&self, ports: &[Ports], result: &Value) -> CallBuilder {
        self.add(ports).key("prevResult", result.clone()).as_verb("CHECK")
    }

    pub(crate) fn del(&self) -> CallBuilder {
        self.call.clone().as_verb("DEL")
    }

    /// Returns a GC of its network with these valid attachments.
    pub(crate) fn gc(&self, valid: &[Value]) -> CallBuilder {
        let call = self.call.clone().as_verb("GC").without_netns();
        let call = call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME");
        call.key("cni.dev/valid-attachments", json!(valid))
    }

    /// Returns its entry in `cni.dev/valid-attachments`.
    pub(crate) fn valid(&self) -> Value {
        json!({"containerID": self.name, "ifname": "eth0"})
    }
}
