//! A packet of a connection at one place on its way, as far as it is known.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::claim::Cidr;
use crate::family::Family;
use crate::host::other_users::number_of;
use crate::mappings::Protocol;

/// Whether something holds; `None` if that is unknown.
pub(in crate::cli) type Known = Option<bool>;

/// A packet of a connection.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Packet {
    pub(super) family: Family,
    pub(super) protocol: Protocol,
    pub(super) source: End,
    pub(super) destination: End,
    pub(super) input: Interface,
    pub(super) output: Interface,
    /// What connection tracking knows of it; `None` before it has seen the packet.
    pub(super) flow: Option<Flow>,
    pub(super) stage: Stage,
    /// Whether the route to its source leads by the interface by which it arrived.
    pub(super) is_expected: Known,
}

/// The packets of a connection that a firewall may treat differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Stage {
    /// The first packet of the client.
    First,
    /// An answer of the container.
    Answer,
    /// What the client sends after an answer.
    Following,
}

/// The source or destination of a packet.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli) struct End {
    pub(super) address: Option<IpAddr>,
    pub(super) port: Port,
    /// Whether it is an address of the host or container whose rules the packet traverses.
    pub(super) is_local: Known,
}

/// The port of an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) enum Port {
    One(u16),
    /// One that the client's system has chosen: at least [`Port::FIRST_CHOSEN`].
    Chosen,
    #[default]
    Unknown,
}

impl Port {
    /// The first port that Linux chooses for clients. Other systems begin later.
    pub(super) const FIRST_CHOSEN: u16 = 32768;

    /// Returns it if it is known.
    pub(super) fn one(self) -> Option<u16> {
        match self {
            Self::One(port) => Some(port),
            _ => None,
        }
    }

    /// Reports whether it is one of these.
    pub(super) fn is_in(self, ports: &RangeInclusive<u16>) -> Known {
        match self {
            Self::One(port) => Some(ports.contains(&port)),
            Self::Chosen if *ports.end() < Self::FIRST_CHOSEN => Some(false),
            Self::Chosen if *ports.start() <= Self::FIRST_CHOSEN && *ports.end() == u16::MAX => {
                Some(true)
            }
            _ => None,
        }
    }
}

impl From<Option<u16>> for Port {
    fn from(port: Option<u16>) -> Self {
        port.map_or(Self::Unknown, Self::One)
    }
}

/// What connection tracking knows of a connection.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Flow {
    /// The source and destination of the client's packets before any translation.
    pub(super) original: [End; 2],
    /// Whether the destination was translated so far.
    pub(super) is_translated: bool,
    /// Whether the source was rewritten so far.
    pub(super) is_rewritten: Known,
}

/// An interface: its name, or `None` for one that does not belong to another program's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Interface(pub(super) Option<String>);

impl Interface {
    /// That of packets which have not arrived, or not left: none has this name.
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
    /// Returns the number of its protocol.
    pub(super) fn protocol_number(&self) -> u8 {
        number_of(self.protocol)
    }
}

/// The flags of TCP that connections always have or lack: FIN, SYN, RST and ACK.
pub(super) const FLAGS: u8 = 0x17;

impl Stage {
    /// Returns those of [`FLAGS`] that a packet of TCP has.
    pub(super) fn flags(self) -> u8 {
        const SYN: u8 = 0x02;
        const ACK: u8 = 0x10;
        match self {
            Self::First => SYN,
            Self::Answer => SYN | ACK,
            Self::Following => ACK,
        }
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

/// Returns whether two things hold.
pub(super) fn and(one: Known, other: Known) -> Known {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), other) => other,
        (None, _) => None,
    }
}

/// Packets for tests: from a client to port 8080 of a host, which leads to port 80 of 10.0.0.2.
#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::cli::explain::hooks::{Connection, Place, passages};

    /// A connection of which only the ports, the container and the interface to it are known.
    pub(in crate::cli::explain) fn connection(client: Option<&str>) -> Connection {
        Connection {
            family: Family::V4,
            protocol: Protocol::Tcp,
            client: client.map(|address| address.parse().unwrap()),
            is_local: false,
            asked: None,
            host_port: Some(8080),
            container: Some([10, 0, 0, 2].into()),
            container_port: Some(80),
            subnet: None,
            outside: Interface(None),
            back: Interface(None),
            inside: Interface(Some("br0".to_owned())),
            ifname: Interface(Some("eth0".to_owned())),
            is_rewritten: Some(false),
            rewritten: None,
            bridges: Vec::new(),
            is_bridged: false,
        }
    }

    fn packet(client: Option<&str>, stage: Stage, hook: cni_netlink::nftables::Hook) -> Packet {
        let passages = passages(&connection(client));
        let is_asked = |one: &&crate::cli::explain::hooks::Passage| {
            (one.stage, one.place, one.hook) == (stage, Place::Host, hook)
        };
        passages.iter().find(is_asked).expect("the hook").packet(-150)
    }

    pub(in crate::cli::explain) fn before_translation(client: Option<&str>) -> Packet {
        packet(client, Stage::First, cni_netlink::nftables::Hook::Prerouting)
    }

    pub(in crate::cli::explain) fn forwarded(client: Option<&str>) -> Packet {
        packet(client, Stage::First, cni_netlink::nftables::Hook::Forward)
    }

    pub(in crate::cli::explain) fn answer(client: &str) -> Packet {
        packet(Some(client), Stage::Answer, cni_netlink::nftables::Hook::Forward)
    }
}
