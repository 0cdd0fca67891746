//! Containers whose ports are mapped by `portmap` or by this plugin, after `bridge`.

use std::cell::Cell;
use std::path::PathBuf;

use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Outcome, Server, Traffic};
use serde_json::{Value, json};

use crate::common::{HOST, PLUGINS, nat, plugin as ours};

/// A host with a client outside.
pub(super) struct Testbed {
    pub(super) host: Host,
    pub(super) outside: Neighbour,
    /// How many containers it has had.
    containers: Cell<u32>,
}

/// A container behind `bridge`, and the call of the plugin after it.
pub(super) struct Attached {
    bridge: CallBuilder,
    pub(super) call: CallBuilder,
    pub(super) program: PathBuf,
    pub(super) outcome: Outcome,
    pub(super) container: Container,
    _server: Server,
}

impl Testbed {
    pub(super) fn new() -> Self {
        let host = Host::new();
        let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
        Self { host, outside, containers: Cell::new(0) }
    }

    /// Attaches a container with these mappings. The plugin may refuse them.
    pub(super) fn attach(&self, plugin: &str, mappings: Value) -> Attached {
        self.containers.set(self.containers.get() + 1);
        let container = self.host.container(&format!("c{}", self.containers.get()));
        let call = |config: Value| {
            let call = CallBuilder::add("net").config(config).key("cniVersion", json!("1.0.0"));
            call.container(&container).cni_path(PLUGINS)
        };
        let ipam = json!({"type": "host-local", "subnet": "10.88.0.0/16",
            "routes": [{"dst": "0.0.0.0/0"}]});
        let bridge = call(json!({"type": "bridge", "bridge": "cni0", "isGateway": true,
            "ipMasq": true, "ipam": ipam}));
        let result = bridge.run(format!("{PLUGINS}/bridge")).expect_success().json();
        let program = match plugin {
            "portmap" => PathBuf::from(PLUGINS).join(plugin),
            _ => ours(),
        };
        let call = call(json!({"type": plugin, "backend": "iptables", "conflictTimeout": 0}))
            .key("runtimeConfig", json!({ "portMappings": mappings }))
            .key("prevResult", result);
        let outcome = call.run(&program);
        let server = container.serve(Traffic::Http, 80);
        Attached { bridge, call, program, outcome, container, _server: server }
    }

    /// Attaches a container with each plugin in turn, and checks it.
    pub(super) fn both(&self, mappings: &Value, check: impl Fn(&str, &Attached)) {
        for plugin in ["portmap", "mesos-cni-port-mapper"] {
            let attached = self.attach(plugin, mappings.clone());
            check(plugin, &attached);
            attached.detach();
        }
    }

    pub(super) fn nat(&self) -> String {
        nat(&self.host, "iptables")
    }
}

impl Attached {
    pub(super) fn del(&self) -> Outcome {
        self.call.clone().as_verb("DEL").run(&self.program)
    }

    pub(super) fn detach(self) {
        self.del().expect_success();
        self.bridge.clone().as_verb("DEL").run(format!("{PLUGINS}/bridge")).expect_success();
    }
}

pub(super) fn mapping(port: u16) -> Value {
    json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"})
}

/// Returns a mapping at an address of the host.
pub(super) fn at(host_ip: &str, port: u16) -> Value {
    let mut mapping = mapping(port);
    mapping["hostIP"] = json!(host_ip);
    mapping
}
