//! An attachment, and what its runtime knows of it.

use std::time::Duration;

use cni_test_kit::{Behaviour, CallBuilder, Host, PluginDir, Script};
use serde_json::{Value, json};

use super::ledger::Ports;
use crate::common::PATIENCE;

/// Name and chain of each network: two of them share a chain.
pub(crate) const NETWORKS: [(&str, &str); 3] =
    [("red", "SHARED-PORT-MAPPER"), ("green", "SHARED-PORT-MAPPER"), ("blue", "BLUE-PORT-MAPPER")];

/// What a runtime knows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Standing {
    /// There is nothing of it.
    Absent,
    /// It asked for these ports and has them; the result.
    Attached(Vec<Ports>, Value),
    /// A call was killed: there may be anything of it.
    Unknown,
}

/// The call that makes an attachment; it alone has an address.
pub(crate) struct Attachment {
    pub(crate) number: usize,
    pub(crate) name: String,
    pub(crate) network: &'static str,
    call: CallBuilder,
    _plugins: PluginDir,
}

impl Attachment {
    /// Of a container that is a namespace and nothing more.
    pub(crate) fn new(host: &Host, backend: &str, number: usize) -> Self {
        let (network, chain) = NETWORKS[number % NETWORKS.len()];
        let address = format!("10.0.{}.{}/16", number / 250, number % 250 + 2);
        let result = json!({"ips": [{"address": address}]});
        let plugins =
            PluginDir::new().with("inner", &Script::obey().on("ADD", Behaviour::result(result)));
        let name = format!("s{number}");
        let call = CallBuilder::add(network)
            .config(json!({
                "cniVersion": "1.1.0", "backend": backend, "chain": chain,
                "excludeDevices": ["excluded0"], "lockTimeout": PATIENCE,
                "delegate": {"type": "inner"},
            }))
            .limit(Duration::from_secs(PATIENCE + 60))
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

    /// GC of its network, with these attachments still valid.
    pub(crate) fn gc(&self, valid: &[Value]) -> CallBuilder {
        let call = self.call.clone().as_verb("GC").without_netns();
        let call = call.without_env("CNI_CONTAINERID").without_env("CNI_IFNAME");
        call.key("cni.dev/valid-attachments", json!(valid))
    }

    /// How it appears in `cni.dev/valid-attachments`.
    pub(crate) fn valid(&self) -> Value {
        json!({"containerID": self.name, "ifname": "eth0"})
    }
}
