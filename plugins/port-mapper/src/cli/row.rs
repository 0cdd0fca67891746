//! A mapped host port in the output of `list`: a line for people, an object for programs.
//!
//! All objects have the same keys, whatever is known. What is unknown is `null`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::inventory::owner_json;
use crate::backend::OwnedPorts;
use crate::conflict::HostPorts;
use crate::liveness::Liveness;
use crate::mappings::{HostAddress, Mapping, Protocol};
use crate::owner::Owner;
use crate::ownership::Recorded;

/// The state of a mapping.
#[derive(Clone, Copy)]
pub(super) enum State {
    /// It is mapped, if the container exists.
    Mapped(Liveness),
    /// Another attachment of the container has its host port.
    Standby,
    /// Only its rules exist.
    Unrecorded,
}

impl State {
    /// Returns the word for JSON.
    fn as_str(self) -> &'static str {
        match self {
            Self::Mapped(liveness) => liveness.as_str(),
            Self::Standby => "standby",
            Self::Unrecorded => "unrecorded",
        }
    }

    /// Returns the text for people.
    fn description(self) -> &'static str {
        match self {
            Self::Mapped(liveness) => liveness.description(),
            Self::Standby => "on standby",
            Self::Unrecorded => "no record",
        }
    }

    fn is_live(self) -> bool {
        !matches!(self, Self::Mapped(Liveness::Gone))
    }
}

/// A mapped host port, or a range of them.
pub(super) struct Row {
    /// The mapping, and where it leads to, for people.
    text: [String; 2],
    mapping: Value,
    addresses: Vec<IpAddr>,
    owner: Owner,
    chain: String,
    netns: Option<String>,
    state: State,
    /// The directory of its record.
    state_dir: Option<PathBuf>,
}

impl Row {
    /// Returns the rows of a claim.
    pub(super) fn of_claim(recorded: &Recorded) -> impl Iterator<Item = Self> {
        let mapped = State::Mapped(recorded.liveness);
        let standby = if mapped.is_live() { State::Standby } else { mapped };
        let active = recorded.claim.mappings.iter().map(move |mapping| (mapping, mapped));
        let inactive = recorded.claim.standby.iter().map(move |mapping| (mapping, standby));
        active.chain(inactive).map(|(mapping, state)| Self::of_mapping(recorded, mapping, state))
    }

    fn of_mapping(recorded: &Recorded, mapping: &Mapping, state: State) -> Self {
        let claim = &recorded.claim;
        let addresses: Vec<_> = claim.addresses.iter().map(|cidr| cidr.address).collect();
        let target: Vec<_> = claim.addresses.iter().map(|cidr| cidr.address.to_string()).collect();
        Self {
            text: [mapping.to_string(), target.join(", ")],
            mapping: mapping_json(mapping),
            addresses,
            owner: Owner::from(&claim.owner),
            chain: claim.chain.clone(),
            netns: Some(claim.netns.clone()).filter(|path| !path.is_empty()),
            state,
            state_dir: Some(recorded.state_dir.clone()),
        }
    }

    /// Returns the rows of rules that have no claim.
    pub(super) fn of_rules(owned: &OwnedPorts) -> impl Iterator<Item = Self> {
        owned.ports.iter().map(|(ports, target)| {
            let (addresses, container_port) = parsed(target, ports.first);
            Self {
                text: [ports.to_string(), target.clone()],
                mapping: ports_json(ports, container_port),
                addresses,
                owner: owned.owner.clone(),
                chain: owned.chain.clone(),
                netns: None,
                state: State::Unrecorded,
                state_dir: None,
            }
        })
    }

    /// Returns the columns of a line; `state_dir` is the directory that need not be named.
    pub(super) fn columns(&self, state_dir: &Path) -> Vec<String> {
        let [mapping, target] = self.text.clone();
        let mut state = self.state.description().to_owned();
        if let Some(other) = self.state_dir.as_deref().filter(|own| *own != state_dir) {
            state += &format!(", in {}", other.display());
        }
        vec![mapping, target, self.owner.to_string(), state]
    }

    /// Returns the object.
    pub(super) fn json(&self) -> Value {
        let state_dir = self.state_dir.as_ref().map(|path| path.to_string_lossy());
        json!({"mapping": self.mapping, "owner": owner_json(&self.owner),
               "addresses": self.addresses, "chain": self.chain, "netns": self.netns,
               "state": self.state.as_str(), "live": self.state.is_live(),
               "stateDir": state_dir})
    }
}

/// Returns a mapping as an object, with the keys of `runtimeConfig.portMappings`.
pub(super) fn mapping_json(mapping: &Mapping) -> Value {
    let Mapping { host_ip, host_port, container_port, range, protocol } = *mapping;
    let host_ip = Some(host_ip).filter(|address| *address != HostAddress::Any);
    object(host_ip.map(String::from), host_port, range, protocol, Some(container_port))
}

fn ports_json(ports: &HostPorts, container_port: Option<u16>) -> Value {
    let HostPorts { protocol, address, first, last } = *ports;
    let range = last.saturating_sub(first).saturating_add(1);
    let address = address.map(|address| address.to_string());
    object(address, first, range, protocol, container_port)
}

fn object(
    host_ip: Option<String>,
    host_port: u16,
    range: u16,
    protocol: Protocol,
    container_port: Option<u16>,
) -> Value {
    json!({"hostIP": host_ip, "hostPort": host_port, "containerPort": container_port,
           "range": range, "protocol": protocol})
}

/// Returns the address and the port of a target: `10.0.0.2:80`, or `10.0.0.2` if the port is that
/// of the host. Both are unknown if it has another form.
fn parsed(target: &str, host_port: u16) -> (Vec<IpAddr>, Option<u16>) {
    match (target.parse::<SocketAddr>(), target.parse()) {
        (Ok(socket), _) => (vec![socket.ip()], Some(socket.port())),
        (_, Ok(address)) => (vec![address], Some(host_port)),
        _ => (Vec::new(), None),
    }
}
