//! The first packet of a connection, as far as it is known, and what a rule can ask about it.

use std::net::IpAddr;

use crate::claim::Cidr;
use crate::family::Family;
use crate::host::other_users::number_of;
use crate::mappings::Protocol;

/// Whether something holds; `None` if that is unknown.
pub(in crate::cli) type Known = Option<bool>;

/// The first packet of a connection to a host port.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Packet {
    pub(in crate::cli) family: Family,
    pub(in crate::cli) protocol: Protocol,
    pub(in crate::cli) source: Option<IpAddr>,
    pub(in crate::cli) destination: Option<IpAddr>,
    pub(in crate::cli) port: Option<u16>,
    /// The port before the translation.
    pub(in crate::cli) host_port: Option<u16>,
    pub(in crate::cli) input: Interface,
    pub(in crate::cli) output: Interface,
    /// Whether it has been translated and is forwarded; otherwise it is addressed to this host.
    pub(in crate::cli) is_forwarded: bool,
}

/// An interface: its name, or `None` for one that does not belong to another program's network.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Interface(pub(in crate::cli) Option<String>);

impl Interface {
    /// That by which packets of this host itself arrive: none has this name.
    pub(super) fn none() -> Self {
        Self(Some(String::new()))
    }

    /// Reports whether it has this name, where `+` at the end stands for any rest.
    pub(super) fn is(&self, pattern: &str) -> Known {
        let Some(name) = &self.0 else {
            return is_of_other_network(pattern).then_some(false);
        };
        Some(match pattern.strip_suffix('+') {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        })
    }
}

/// Reports whether an interface of this name belongs to the containers or machines of another
/// program, or is the loopback interface.
pub(super) fn is_of_other_network(name: &str) -> bool {
    const PREFIXES: [&str; 6] = ["docker", "virbr", "lxcbr", "lxdbr", "podman", "cni-podman"];
    let is_docker_bridge = name
        .strip_prefix("br-")
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    name == "lo" || is_docker_bridge || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl Packet {
    /// Reports whether this host itself sends it.
    pub(super) fn is_of_this_host(&self) -> bool {
        self.input.0.as_deref() == Some("")
    }

    /// Returns the number of its protocol.
    pub(super) fn protocol_number(&self) -> u8 {
        number_of(self.protocol)
    }
}

/// Reports whether an address is in a subnet, which is written with or without a prefix length.
/// `None` if either is unknown.
pub(super) fn is_in(address: Option<IpAddr>, subnet: &str) -> Known {
    let cidr: Cidr = match subnet.parse() {
        Ok(cidr) => cidr,
        Err(_) => {
            let single: IpAddr = subnet.parse().ok()?;
            Cidr::new(single, Family::of(&single).bits())?
        }
    };
    contains(cidr, address?)
}

/// Reports whether a subnet contains an address.
pub(super) fn contains(cidr: Cidr, address: IpAddr) -> Known {
    let same_subnet = Cidr::new(address, cidr.prefix())?.subnet();
    Some(Family::of(&address) == Family::of(&cidr.address) && same_subnet == cidr.subnet())
}
