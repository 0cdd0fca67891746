//! Port mappings, and how they are read from a network configuration.

mod overlap;
mod read;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::family::Family;

pub use read::{read, warn_of_mistyped_keys};

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// Returns the lower-case name, as iptables uses it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }

    /// Reads a name in any letter case, surrounding white space ignored, as the original accepted
    /// it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|protocol| text.eq_ignore_ascii_case(protocol.as_str()))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The addresses of the host at which a mapping is reachable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HostAddress {
    /// All addresses, IPv4 and IPv6: there is no `hostIP`.
    #[default]
    Any,
    /// All addresses of one family: `0.0.0.0` or `::`.
    AnyOf(Family),
    /// A single address.
    One(IpAddr),
}

impl HostAddress {
    /// Reports whether it includes addresses of the family.
    pub fn is_in(self, family: Family) -> bool {
        match self {
            Self::Any => true,
            Self::AnyOf(own) => own == family,
            Self::One(address) => Family::of(&address) == family,
        }
    }

    /// Returns the address if it is a single one.
    pub fn one(self) -> Option<IpAddr> {
        match self {
            Self::One(address) => Some(address),
            _ => None,
        }
    }
}

impl FromStr for HostAddress {
    type Err = String;

    /// Empty text and `any` mean all addresses. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is
    /// an IPv4 address.
    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "any") {
            return Ok(Self::Any);
        }
        let address: IpAddr = text.parse().map_err(|_| {
            format!(
                "{text:?} is not an IP address such as 192.0.2.1 or 2001:db8::1; correct it, or \
                 leave out the key"
            )
        })?;
        match address.to_canonical() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ok(Self::AnyOf(Family::V4)),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ok(Self::AnyOf(Family::V6)),
            IpAddr::V6(Ipv6Addr::LOCALHOST) => Err(format!(
                "{text:?} cannot be mapped, since the kernel does not route packets from ::1 to \
                 other hosts; use 127.0.0.1"
            )),
            address if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) => Err(
                format!("{text:?} is not the address of a host; use one of this host's addresses"),
            ),
            address => Ok(Self::One(address)),
        }
    }
}

impl TryFrom<String> for HostAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HostAddress> for String {
    fn from(address: HostAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::AnyOf(Family::V4) => f.write_str("0.0.0.0"),
            Self::AnyOf(Family::V6) => f.write_str("::"),
            Self::One(address) => address.fmt(f),
        }
    }
}

/// A mapping of `range` consecutive host ports to as many container ports.
///
/// It is valid by construction, in [`read`] and when read from a file: no port is 0 or above 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Unchecked")]
pub struct Mapping {
    /// The address of the host.
    #[serde(rename = "hostIP")]
    pub host_ip: HostAddress,
    /// The first port on the host.
    pub host_port: u16,
    /// The first port in the container.
    pub container_port: u16,
    /// The number of ports.
    pub range: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// A mapping as it is in a file, not validated.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unchecked {
    #[serde(rename = "hostIP", default)]
    host_ip: HostAddress,
    host_port: u16,
    container_port: u16,
    #[serde(default = "one")]
    range: u16,
    protocol: Protocol,
}

fn one() -> u16 {
    1
}

impl TryFrom<Unchecked> for Mapping {
    type Error = String;

    fn try_from(unchecked: Unchecked) -> Result<Self, String> {
        let Unchecked { host_ip, host_port, container_port, range, protocol } = unchecked;
        let is_port =
            |first: u16| first > 0 && first.checked_add(range.saturating_sub(1)).is_some();
        if range == 0 || !is_port(host_port) || !is_port(container_port) {
            return Err(format!(
                "{range} ports from {host_port} to {container_port} are not all within 1 to 65535"
            ));
        }
        Ok(Self { host_ip, host_port, container_port, range, protocol })
    }
}

impl Mapping {
    /// Returns the last port on the host.
    pub fn last_host_port(&self) -> u16 {
        self.host_port.saturating_add(self.range.saturating_sub(1))
    }

    /// Returns the last port in the container.
    pub fn last_container_port(&self) -> u16 {
        self.container_port.saturating_add(self.range.saturating_sub(1))
    }
}

/// Formats a mapping for messages: `tcp 192.0.2.1:8080-8089 to container port 80-89`.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.protocol)?;
        match self.host_ip {
            HostAddress::Any => write!(f, "host port ")?,
            HostAddress::One(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            HostAddress::AnyOf(Family::V6) => write!(f, "[::]:")?,
            address => write!(f, "{address}:")?,
        }
        let host = Ports(self.host_port, self.last_host_port());
        let container = Ports(self.container_port, self.last_container_port());
        write!(f, "{host} to container port {container}")
    }
}

/// The first and the last port of a range, displayed as one port if they are equal.
pub(crate) struct Ports(pub(crate) u16, pub(crate) u16);

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == self.1 { self.0.fmt(f) } else { write!(f, "{}-{}", self.0, self.1) }
    }
}
