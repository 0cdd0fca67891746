//! A machine outside the host, which connects to mapped ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use cni_test_kit::Neighbour;
use serde_json::Value;

use super::testbed::{Container, Testbed};
use crate::profile::Profile;
use crate::verdict::{CaseResult, Stop};
use crate::wait::holds_within;

/// The name of the machine, and of the host's link to it.
const NAME: &str = "outside";
const HOST: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 9);

/// The gateway in the result of the fake delegate.
const GATEWAY: &str = "10.77.0.1";

/// How long a connection may take. Only a packet that is dropped takes so long.
const LIMIT: Duration = Duration::from_secs(5);

/// A TCP port of the host that a container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MappedPort {
    pub(super) host: u16,
    container: u16,
}

impl MappedPort {
    /// Returns the first mapping of a TCP port of a container under Mesos, which knows no host
    /// addresses.
    pub(super) fn of(container: &Container) -> Option<Self> {
        let mappings = container.info.get("port_mappings").and_then(Value::as_array);
        let is_tcp = |mapping: &&Value| match mapping["protocol"].as_str() {
            None => true,
            Some(protocol) => protocol.eq_ignore_ascii_case("tcp"),
        };
        let mapping = mappings.into_iter().flatten().find(is_tcp)?;
        let port = |key: &str| mapping[key].as_u64().and_then(|port| port.try_into().ok());
        Some(Self { host: port("host_port")?, container: port("container_port")? })
    }
}

/// A machine outside the host.
pub(super) struct Outside<'t> {
    testbed: &'t Testbed,
    machine: Neighbour,
}

impl<'t> Outside<'t> {
    /// Connects a machine to the host.
    pub(super) fn connect(testbed: &'t Testbed) -> Self {
        let [host, client] = [HOST, CLIENT].map(|address| format!("{address}/24"));
        Self { testbed, machine: testbed.host().neighbour(NAME, &host, &client) }
    }

    /// Removes it, so that the host is as before.
    pub(super) fn remove(self) {
        // The link is removed at once only if that is requested, otherwise with a delay.
        self.testbed.host().run(&format!("ip link delete {NAME}"));
        self.testbed.host().run(&format!("ip netns delete {NAME}"));
    }

    /// Gives a container a route to it, if not the plugin but the testbed created the interface.
    pub(super) fn route_from(&self, container: &Container) {
        if self.testbed.setup.subject.profile != Profile::Wrapper {
            return;
        }
        let link = container.attachment.input().host_ifname();
        self.testbed.host().run(&format!("ip address add {GATEWAY}/32 dev {link}"));
        let ifname = container.attachment.ifname();
        container.namespace().run(&format!("ip route replace default via {GATEWAY} dev {ifname}"));
    }

    /// Expects a connection to the host port to reach this container.
    pub(super) fn reaches(&self, port: MappedPort, container: &Container) -> CaseResult {
        let what = format!("host port {} reaches {} from outside", port.host, container.id);
        let Some(listener) = container.namespace().listen(port.container) else {
            let note = "not tested: only processes can enter the namespaces of the testbed";
            self.testbed.steps.passed(&what, Some(note.to_owned()));
            return Ok(());
        };
        let listener = listener.unwrap_or_else(|error| panic!("port {}: {error}", port.container));
        let outcome = self.try_connection(port, &listener);
        let outcome = outcome.map_err(|actual| Stop::finding(format!("{what}: success"), actual));
        self.testbed.steps.expects(&what, outcome)
    }

    fn try_connection(&self, port: MappedPort, listener: &TcpListener) -> Result<(), String> {
        let address = SocketAddr::from((HOST, port.host));
        let connected = self.machine.connect_to(address, LIMIT).transpose();
        let stream = connected.map_err(|error| format!("connection to {address}: {error}"))?;
        match stream.is_some_and(|stream| !is_accepted(listener, &stream)) {
            true => Err(format!("the connection to {address} reaches something else")),
            false => Ok(()),
        }
    }
}

/// Whether a connection is one of those that this listener accepts.
fn is_accepted(listener: &TcpListener, stream: &TcpStream) -> bool {
    // The last packet of the handshake may still be on its way.
    listener.set_nonblocking(true).is_ok()
        && holds_within(LIMIT, || {
            let accepted = listener.accept().ok().map(|(_, peer)| peer.port());
            accepted.is_some() && accepted == stream.local_addr().ok().map(|own| own.port())
        })
}
